//! How sure readers want settlements to be before they do anything outside. No word of any chain.

#![allow(missing_docs, reason = "the fields are the columns that migrations/ documents")]

use diesel::prelude::*;
use ledger::Address;

use super::Model;
use super::schema::wishes;

/// What stands for all settlements that somebody sees.
const ALL: &str = "";

/// A wish of `account`, in thousandths of the weight: for one settlement, or for all with an empty name.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = wishes)]
struct Wish {
    account: String,
    settlement: String,
    per_mille: i64,
    wished_ms: i64,
}

impl Model<'_> {
    /// What `account` wishes for a settlement, in thousandths of the weight: for it, or for all that it sees, whichever is
    /// more; 0 if nothing.
    ///
    /// # Errors
    /// When the query fails.
    pub fn wish(&mut self, account: &str, settlement: &str) -> QueryResult<u64> {
        let most = wishes::table
            .filter(wishes::account.eq(account).and(wishes::settlement.eq_any([settlement, ALL])))
            .select(diesel::dsl::max(wishes::per_mille))
            .first::<Option<i64>>(self.connection)?;
        Ok(most.and_then(|most| u64::try_from(most).ok()).unwrap_or(0))
    }

    /// What `account` wishes for all settlements that it sees.
    ///
    /// # Errors
    /// When the query fails.
    pub fn wish_for_all(&mut self, account: &str) -> QueryResult<u64> {
        self.wish(account, ALL)
    }

    /// Sets the wish of `account` for a settlement, or for all that it sees; 0 takes it back.
    ///
    /// # Errors
    /// When the query fails.
    pub fn set_wish(
        &mut self,
        account: &Address,
        settlement: Option<&str>,
        per_mille: u64,
        wished_ms: i64,
    ) -> QueryResult<()> {
        let wish = Wish {
            account: account.to_string(),
            settlement: settlement.unwrap_or(ALL).to_owned(),
            per_mille: i64::try_from(per_mille).unwrap_or(i64::MAX),
            wished_ms,
        };
        self.connection.transaction(|connection| {
            let same = wishes::account.eq(&wish.account).and(wishes::settlement.eq(&wish.settlement));
            diesel::delete(wishes::table.filter(same)).execute(connection)?;
            if wish.per_mille > 0 {
                diesel::insert_into(wishes::table).values(&wish).execute(connection)?;
            }
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::on_each_database;
    use crate::testing::story::account;

    #[test]
    fn the_stricter_of_two_wishes_counts_and_each_can_be_taken_back() {
        on_each_database(|database| {
            let mut connection = database.get().unwrap();
            let mut model = Model::new(&mut connection);
            let (bank, mills) = (account("Silk Bank"), account("Dhaka Mills"));
            model.set_wish(&bank, None, 500, 1).unwrap();
            model.set_wish(&bank, Some("one"), 800, 2).unwrap();
            model.set_wish(&bank, Some("two"), 300, 3).unwrap();
            let mut wishes = |settlement| model.wish(&bank.to_string(), settlement).unwrap();
            assert_eq!([wishes("one"), wishes("two"), wishes("three")], [800, 500, 500]);
            model.set_wish(&bank, Some("one"), 0, 4).unwrap();
            model.set_wish(&bank, None, 400, 5).unwrap();
            assert_eq!(model.wish(&bank.to_string(), "one"), Ok(400));
            assert_eq!(model.wish_for_all(&bank.to_string()), Ok(400));
            assert_eq!(model.wish(&mills.to_string(), "one"), Ok(0), "a wish is its owner's alone");
        });
    }
}
