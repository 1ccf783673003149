//! Links by which a template says what lies where on the page.
//!
//! In: a frame. Out: the address of each link and its box in pels, in the order of setting; of those
//! with `mark:`, the [`Mark`]s. A link leaves no ink.
//! Not here: QR codes, which are stamped on a `stamp:qr:` link (`qr.rs`).

use sheet::{Mark, PelBox, wire};
use typst::layout::{Frame, FrameItem, Transform};
use typst::model::Destination;

use crate::raster::Scale;

const MARK: &str = "mark:";
/// Longest name of a mark. Chosen: twice the longest of ours.
const MAX_NAME_LETTERS: usize = 32;

/// A link to an address.
pub struct Link {
    pub url: String,
    pub area: PelBox,
}

/// All links, in the order of setting.
pub fn of(frame: &Frame, scale: Scale) -> Vec<Link> {
    let mut links = Vec::new();
    collect(frame, Transform::identity(), scale, &mut links);
    links
}

/// `outer` leads from the frame's coordinates to the page's.
fn collect(frame: &Frame, outer: Transform, scale: Scale, links: &mut Vec<Link>) {
    for (at, item) in frame.items() {
        let here = outer.pre_concat(Transform::translate(at.x, at.y));
        match item {
            FrameItem::Group(group) => {
                collect(&group.frame, here.pre_concat(group.transform), scale, links);
            }
            FrameItem::Link(Destination::Url(url), size) => {
                let area = scale.pel_box(at.transform(outer), size.to_point().transform(here));
                links.push(Link { url: url.as_str().to_owned(), area });
            }
            FrameItem::Link(..)
            | FrameItem::Text(..)
            | FrameItem::Shape(..)
            | FrameItem::Image(..)
            | FrameItem::Tag(..) => {}
        }
    }
}

/// The marks among the links of a page of so many pels and rows.
pub fn marks(links: &[Link], width_pels: usize, rows: usize) -> Result<Vec<Mark>, String> {
    let marks: Vec<Mark> = links
        .iter()
        .filter_map(|link| Some((link.url.strip_prefix(MARK)?, link.area)))
        .map(|(mark, area)| {
            let (name, index) = parse(mark)
                .ok_or_else(|| format!("{mark:?} is no mark, which is written mark:NAME:INDEX"))?;
            if !area.is_on(width_pels, rows) {
                return Err(format!("the mark {mark} is not on the page"));
            }
            Ok(Mark { name: name.to_owned(), index, area })
        })
        .collect::<Result<_, _>>()?;
    if marks.len() > wire::MAX_MARKS {
        return Err(format!("{} marks, at most {} can be told", marks.len(), wire::MAX_MARKS));
    }
    Ok(marks)
}

fn parse(mark: &str) -> Option<(&str, u16)> {
    let (name, index) = mark.split_once(':')?;
    let plain = |letter: u8| letter.is_ascii_lowercase() || letter == b'_';
    if name.is_empty() || name.len() > MAX_NAME_LETTERS || !name.bytes().all(plain) {
        return None;
    }
    Some((name, index.parse().ok()?))
}
