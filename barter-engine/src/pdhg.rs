//! The linear programme over a pool of rings, solved to a guess by the primal-dual hybrid gradient method: sparse,
//! warm-started, and its dual prices tell the search of rings where to look.

use crate::volumes::Column;

/// The state of the programme: a level between 0 and 1 per column, a price per USD of each offer.
#[derive(Default)]
pub(crate) struct Master {
    pub(crate) levels: Vec<f64>,
    pub(crate) prices: Vec<f64>,
}

impl Master {
    /// Runs `rounds` iterations over `columns`, of which the first ones may have been seen before.
    pub(crate) fn solve(&mut self, columns: &[Column], caps: &[f64], rounds: usize) {
        self.levels.resize(columns.len(), 0.0);
        self.prices.resize(caps.len(), 0.0);
        let mut starts = Vec::with_capacity(columns.len() + 1);
        let mut rows: Vec<u32> = Vec::with_capacity(columns.len() * 6);
        let mut usd: Vec<f64> = Vec::with_capacity(columns.len() * 6);
        let mut row_sums = vec![0.0f64; caps.len()];
        let mut steps = Vec::with_capacity(columns.len());
        let mut worth = Vec::with_capacity(columns.len());
        starts.push(0);
        for column in columns {
            let mut sum = 0.0;
            for (offer, share) in column.ring.offers().iter().zip(column.shares) {
                let gives = share * column.most;
                rows.push(*offer);
                usd.push(gives);
                row_sums[*offer as usize] += gives;
                sum += gives;
            }
            starts.push(rows.len());
            steps.push(1.0 / sum.max(1e-300));
            worth.push(column.value * column.most);
        }
        let mut used = vec![0.0f64; caps.len()];
        let mut level_sum = vec![0.0f64; columns.len()];
        let mut price_sum = vec![0.0f64; caps.len()];
        let mut since = 0usize;
        let mut span = 40usize;
        for _ in 0..rounds {
            used.iter_mut().for_each(|used| *used = 0.0);
            for at in 0..columns.len() {
                let legs = starts[at]..starts[at + 1];
                let cost: f64 = legs.clone().map(|leg| usd[leg] * self.prices[rows[leg] as usize]).sum();
                let old = self.levels[at];
                let new = (old + steps[at] * (worth[at] - cost)).clamp(0.0, 1.0);
                self.levels[at] = new;
                level_sum[at] += new;
                let ahead = 2.0 * new - old;
                if ahead != 0.0 {
                    legs.for_each(|leg| used[rows[leg] as usize] += usd[leg] * ahead);
                }
            }
            for (offer, price) in self.prices.iter_mut().enumerate() {
                if row_sums[offer] > 0.0 {
                    *price = (*price + (used[offer] - caps[offer]) / row_sums[offer]).max(0.0);
                    price_sum[offer] += *price;
                }
            }
            since += 1;
            if since == span {
                self.restart(&mut level_sum, &mut price_sum, since);
                since = 0;
                span += span / 2;
            }
        }
        if since > 0 {
            self.restart(&mut level_sum, &mut price_sum, since);
        }
    }

    /// Goes on from the average, which converges where the last iterate circles.
    #[expect(clippy::cast_precision_loss, reason = "a count of some thousands")]
    fn restart(&mut self, level_sum: &mut [f64], price_sum: &mut [f64], since: usize) {
        for (level, sum) in self.levels.iter_mut().zip(level_sum) {
            *level = std::mem::take(sum) / since as f64;
        }
        for (price, sum) in self.prices.iter_mut().zip(price_sum) {
            *price = std::mem::take(sum) / since as f64;
        }
    }
}
