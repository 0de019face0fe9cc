//! Pages of lists whose cursor is the decimal number of entries before the page (wire specification 14).

use crate::error::CoreError;

/// Where a page begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Offset(usize);

impl Offset {
    /// Reads a cursor; none is the beginning.
    ///
    /// # Errors
    /// `Invalid` when it is no number.
    pub(crate) fn parse(cursor: Option<&str>) -> Result<Self, CoreError> {
        let Some(cursor) = cursor else { return Ok(Offset(0)) };
        cursor.parse().map(Offset).map_err(|_| CoreError::Invalid(format!("invalid cursor: {cursor}")))
    }

    /// Returns the page, everything if there is no limit, and the cursor of the next one if there is more.
    pub(crate) fn page<T>(self, list: Vec<T>, limit: Option<u32>) -> (Vec<T>, Option<String>) {
        let Offset(from) = self;
        // A page of nothing would never come to an end.
        let limit = limit.map_or(usize::MAX, |limit| usize::try_from(limit.max(1)).unwrap_or(usize::MAX));
        let end = from.saturating_add(limit);
        let next = (end < list.len()).then(|| end.to_string());
        (list.into_iter().skip(from).take(limit).collect(), next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_follow_each_other() {
        let page = |cursor: Option<&str>, limit| Offset::parse(cursor).unwrap().page(vec![1, 2, 3], limit);
        assert_eq!(page(None, None), (vec![1, 2, 3], None));
        assert_eq!(page(None, Some(2)), (vec![1, 2], Some("2".to_owned())));
        assert_eq!(page(Some("2"), Some(2)), (vec![3], None));
        assert_eq!(page(Some("2"), Some(1)), (vec![3], None));
        assert_eq!(page(Some("0"), Some(0)), (vec![1], Some("1".to_owned())));
        assert_eq!(page(Some("99"), Some(u32::MAX)), (vec![], None));
        for bad in ["", "garbage", "-1", "1.5"] {
            let error = Offset::parse(Some(bad)).unwrap_err();
            assert_eq!(error.to_string(), format!("invalid cursor: {bad}"));
        }
    }
}
