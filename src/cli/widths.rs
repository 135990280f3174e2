//! `--widths`: doublings from one width to another, or a list.

use std::str::FromStr;

use crate::width::fit::FEWEST;

/// Widths of a check, growing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Widths(pub(crate) Vec<usize>);

impl FromStr for Widths {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number = |word: &str| {
            let found = word.trim().parse().ok().filter(|&width: &u32| width > 0);
            found.map(|width| width as usize).ok_or(format!("\"{}\" is no width", word.trim()))
        };
        let widths = match text.split_once("..") {
            Some((first, last)) => doublings(number(first)?, number(last)?)?,
            None => text.split(',').map(number).collect::<Result<Vec<_>, _>>()?,
        };
        if !widths.windows(2).all(|pair| pair[0] < pair[1]) {
            return Err("widths must grow, as in 64,128,256".into());
        }
        if widths.len() < FEWEST {
            return Err(format!("a line needs {FEWEST} widths at least, found {}", widths.len()));
        }
        Ok(Self(widths))
    }
}

/// `first`, and its doubles up to `last`, which is one of them.
fn doublings(first: usize, last: usize) -> Result<Vec<usize>, String> {
    let all: Vec<usize> =
        std::iter::successors(Some(first), |width| Some(2 * width)).take_while(|&w| w <= last).collect();
    match all.last() {
        Some(&reached) if reached == last => Ok(all),
        Some(&reached) => Err(format!(
            "{first} doubled comes to {reached} and {}, not to {last}; give one of them, or a list",
            2 * reached
        )),
        None => Err(format!("{first} is above {last}: give the narrowest width first")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widths_are_doublings_or_a_list() {
        for (text, wanted) in
            [("64..512", vec![64, 128, 256, 512]), ("10..40", vec![10, 20, 40]), ("16, 24,100", vec![16, 24, 100])]
        {
            assert_eq!(text.parse(), Ok(Widths(wanted)), "{text}");
        }
        for (text, part) in [
            ("64..1000", "comes to 512 and 1024, not to 1000"),
            ("512..64", "narrowest width first"),
            ("64..128", "needs 3 widths"),
            ("64,128,128", "must grow"),
            ("64,wide", "\"wide\" is no width"),
            ("0..8", "\"0\" is no width"),
            ("", "\"\" is no width"),
        ] {
            let error = text.parse::<Widths>().unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
