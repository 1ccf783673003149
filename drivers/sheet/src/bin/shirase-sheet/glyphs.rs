//! Characters that would print as an empty box.
//!
//! In: a set frame. Out: the first character for which no named font has a glyph.
//! Source: OpenType, glyph 0 is `.notdef`.

use typst::layout::{Frame, FrameItem};

/// The first missing character in the order of setting.
pub fn first_missing(frame: &Frame) -> Option<char> {
    frame.items().find_map(|(_, item)| match item {
        FrameItem::Group(group) => first_missing(&group.frame),
        FrameItem::Text(text) => {
            let glyph = text.glyphs.iter().find(|glyph| glyph.id == 0)?;
            let cluster = text.text.get(glyph.range())?;
            Some(cluster.chars().next().unwrap_or(char::REPLACEMENT_CHARACTER))
        }
        FrameItem::Shape(..) | FrameItem::Image(..) | FrameItem::Link(..) | FrameItem::Tag(..) => {
            None
        }
    })
}
