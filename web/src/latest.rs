//! What many pages need and what changes with the records only: made by the first who asks, shared by the rest.

use std::sync::{Arc, Mutex, PoisonError};

/// The last value made, with the key that it was made for: a height, or whatever else stands for what it follows from.
#[derive(Debug)]
pub(crate) struct Latest<K, T>(Mutex<Option<(K, Arc<T>)>>);

impl<K, T> Default for Latest<K, T> {
    fn default() -> Latest<K, T> {
        Latest(Mutex::new(None))
    }
}

impl<K: PartialEq, T> Latest<K, T> {
    /// The value for `key`. Where it is not the last one, `make` makes it; whoever asks meanwhile waits, so that no two
    /// make the same.
    ///
    /// # Errors
    /// What `make` fails with.
    pub(crate) fn at<E>(&self, key: K, make: impl FnOnce() -> Result<T, E>) -> Result<Arc<T>, E> {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((made_for, value)) = &*last
            && *made_for == key
        {
            return Ok(value.clone());
        }
        let value = Arc::new(make()?);
        *last = Some((key, value.clone()));
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    #[test]
    fn a_value_is_made_once_for_each_height() {
        let latest = Latest::default();
        let mut made = 0;
        for height in [1, 1, 1, 2, 2, 3] {
            let value = latest.at(height, || {
                made += 1;
                Ok::<_, Infallible>(height * 10)
            });
            assert_eq!(*value.unwrap(), height * 10);
        }
        assert_eq!(made, 3);
    }

    #[test]
    fn what_cannot_be_made_is_not_kept() {
        let latest = Latest::default();
        assert_eq!(latest.at(1, || Err::<u8, _>("no connection")), Err("no connection"));
        assert_eq!(latest.at(1, || Ok::<_, &str>(7)), Ok(Arc::new(7)));
    }
}
