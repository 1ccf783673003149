//! A fax page as a PDF file: one page of its true size with nothing on it but its pels.
//!
//! In: a page coded as T.6. Out: a file, the same for the same page; and back again, its coded page.
//! Source: ISO 32000-1 7.4.6 (`CCITTFaxDecode`, of which `K` below 0 is T.6), 8.9.5 (image).
//! Not here: the coding (the caller's).

use pdf_writer::{Content, Filter, Finish, Name, Pdf, Rect, Ref};

/// A page.
#[derive(Clone, Copy, Debug)]
pub struct Image<'a> {
    /// T.6 with bit 7 first, ended by EOFB.
    pub mmr: &'a [u8],
    /// Pels across.
    pub width_pels: u16,
    /// Rows.
    pub rows: u16,
    /// Pels to the inch across and down.
    pub dpi: (u16, u16),
}

/// Points to the inch (ISO 32000-1 8.3.2.3).
const POINTS: f32 = 72.0;

/// Writes the file.
#[must_use]
pub fn write(image: &Image<'_>) -> Vec<u8> {
    let [catalog, pages, page, picture, content] = [1, 2, 3, 4, 5].map(Ref::new);
    let name = Name(b"Page");
    let (across_dpi, down_dpi) = image.dpi;
    let points = |pels: u16, dpi: u16| f32::from(pels) * POINTS / f32::from(dpi.max(1));
    let (width, height) = (points(image.width_pels, across_dpi), points(image.rows, down_dpi));

    let mut pdf = Pdf::new();
    pdf.catalog(catalog).pages(pages);
    pdf.pages(pages).kids([page]).count(1);
    let mut written = pdf.page(page);
    written.media_box(Rect::new(0.0, 0.0, width, height)).parent(pages).contents(content);
    written.resources().x_objects().pair(name, picture);
    written.finish();

    let mut written = pdf.image_xobject(picture, image.mmr);
    written.filter(Filter::CcittFaxDecode);
    let (columns, rows) = (image.width_pels.into(), image.rows.into());
    written.decode_parms().k(-1).columns(columns).rows(rows);
    written.width(columns).height(rows).bits_per_component(1);
    written.color_space().device_gray();
    written.finish();

    let mut drawn = Content::new();
    drawn.transform([width, 0.0, 0.0, height, 0.0, 0.0]).x_object(name);
    pdf.stream(content, &drawn.finish());
    pdf.finish()
}

/// The coded page in a file that [`write()`] wrote, to see that it is there; `None` in any other file.
#[must_use]
pub fn coded_page(file: &[u8]) -> Option<&[u8]> {
    let picture = behind(file, b"/CCITTFaxDecode")?;
    let dictionary_end = find(picture, b"\nstream\n")?;
    let length = behind(file, b"4 0 obj").and_then(|object| behind(object, b"/Length "))?;
    let digits = length.iter().take_while(|octet| octet.is_ascii_digit());
    let length = digits.fold(0_usize, |length, octet| {
        length.saturating_mul(10).saturating_add(usize::from(octet - b'0'))
    });
    let stream = picture.get(dictionary_end + b"\nstream\n".len()..)?;
    let (coded, rest) = stream.split_at_checked(length)?;
    rest.starts_with(b"\nendstream").then_some(coded)
}

fn find(octets: &[u8], what: &[u8]) -> Option<usize> {
    octets.windows(what.len()).position(|window| window == what)
}

fn behind<'a>(octets: &'a [u8], what: &[u8]) -> Option<&'a [u8]> {
    octets.get(find(octets, what)? + what.len()..)
}

#[cfg(test)]
mod tests {
    use super::*;

    const IMAGE: Image<'static> =
        Image { mmr: b"0123\nendstream 4 0 obj", width_pels: 1728, rows: 2155, dpi: (204, 196) };

    #[test]
    fn same_page_is_the_same_file_and_its_coded_page_is_found_in_it() {
        let file = write(&IMAGE);
        assert_eq!(file, write(&IMAGE));
        assert!(file.starts_with(b"%PDF-1.7\n") && file.ends_with(b"%%EOF"));
        assert_eq!(coded_page(&file), Some(IMAGE.mmr));
        for end in 0..file.len() - 500 {
            assert_ne!(coded_page(&file[..end]), Some(&b""[..]));
        }
        assert_eq!(coded_page(b"%PDF-1.7"), None);
    }
}
