//! All that a template can see: the files of its folder, `/data.json`, and the loaded fonts.
//!
//! In: a folder, font files, fields. Out: the typesetter's `World`.
//! Not here: what a template shows (`templates/`); limits of time and memory (`src/worker.rs`).

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use sheet::{Coverage, SheetError, is_aside};
use typst::diag::{FileError, FileResult, PackageError};
use typst::foundations::{Bytes, Datetime, Duration};
use typst::syntax::{FileId, RootedPath, Source, SyntaxNode, VirtualPath, VirtualRoot, ast};
use typst::text::{Font, FontBook, TextElem};
use typst::utils::LazyHash;
use typst::{Library, LibraryExt, World};

/// Where a template finds its fields.
const DATA_PATH: &str = "data.json";
/// Longest file that a template may read. Chosen: a hundred times the longest template of ours.
const MAX_FILE_OCTETS: u64 = 1 << 20;

/// Longest font file. Chosen: three times the longest that covers all of Japanese and its neighbours (20 MiB).
const MAX_FONT_OCTETS: u64 = 64 << 20;

/// Fonts in memory, with the book by which the typesetter chooses among them.
pub struct Fonts {
    book: LazyHash<FontBook>,
    fonts: Vec<Font>,
}

impl Fonts {
    /// Loads files, and all `.ttf`, `.otf` and `.ttc` files of folders, in the order of their names.
    pub fn load(paths: &[PathBuf]) -> Result<Self, SheetError> {
        let mut fonts = Vec::new();
        for path in paths {
            for file in font_files(path).map_err(|error| unusable(path, &error.to_string()))? {
                let octets = font_octets(&file)?;
                let known = fonts.len();
                fonts.extend(faces(octets).ok_or_else(|| unusable(&file, "is not a font"))?);
                if fonts.len() == known {
                    return Err(unusable(&file, "is not a font"));
                }
            }
        }
        let book = LazyHash::new(FontBook::from_fonts(&fonts));
        Ok(Self { book, fonts })
    }

    /// The characters that some family which templates name has in all its faces: what only the
    /// regular face has would be missing in a heading.
    pub fn coverage(&self, templates: &Path) -> Result<Coverage, SheetError> {
        let mut families: BTreeMap<&str, Vec<&Font>> = BTreeMap::new();
        for font in self.named(templates)? {
            families.entry(&font.info().family).or_default().push(font);
        }
        let of = |font: &Font| font.info().coverage.iter().collect::<BTreeSet<u32>>();
        let all = families.into_values().flat_map(|faces| {
            let faces = faces.into_iter().map(of);
            faces.reduce(|one, other| &one & &other).unwrap_or_default()
        });
        Ok(Coverage::of(all.filter_map(char::from_u32)))
    }

    /// The fonts whose family stands as a string in some template of the folder: where else could a
    /// template have it from? Fonts that are loaded but never named do not count.
    ///
    /// A file that is no text is passed over: whether a sheet needs it, drawing shows. But if no font is named
    /// in the others, it is the error.
    fn named(&self, templates: &Path) -> Result<Vec<&Font>, SheetError> {
        let failed = |path: &Path, error: std::io::Error| SheetError::Template {
            file: path.display().to_string(),
            line: 1,
            message: error.to_string(),
        };
        let files = files_with(templates, &["typ"]).map_err(|error| failed(templates, error))?;
        let (mut strings, mut passed_over) = (HashSet::new(), None);
        for file in files {
            match fs::read_to_string(&file) {
                Ok(text) => collect_strings(&typst::syntax::parse(&text), &mut strings),
                Err(error) => passed_over = passed_over.or(Some(failed(&file, error))),
            }
        }
        let named = |font: &&Font| strings.contains(&font.info().family.to_lowercase());
        let named: Vec<&Font> = self.fonts.iter().filter(named).collect();
        match passed_over {
            Some(error) if named.is_empty() => Err(error),
            Some(_) | None => Ok(named),
        }
    }
}

fn collect_strings(node: &SyntaxNode, strings: &mut HashSet<String>) {
    if let Some(string) = node.cast::<ast::Str<'_>>() {
        strings.insert(string.get().to_lowercase().into());
    }
    node.children().for_each(|child| collect_strings(child, strings));
}

/// The faces of a file; `None` if it makes the reader of fonts, which expects no such file, give up.
fn faces(octets: Vec<u8>) -> Option<Vec<Font>> {
    std::panic::catch_unwind(|| Font::iter(Bytes::new(octets)).collect()).ok()
}

fn font_octets(file: &Path) -> Result<Vec<u8>, SheetError> {
    let from_io = |error: std::io::Error| unusable(file, &error.to_string());
    let mut octets = Vec::new();
    let opened = fs::File::open(file).map_err(from_io)?;
    opened.take(MAX_FONT_OCTETS + 1).read_to_end(&mut octets).map_err(from_io)?;
    if octets.len() as u64 > MAX_FONT_OCTETS {
        return Err(unusable(file, &format!("is longer than {} MiB", MAX_FONT_OCTETS >> 20)));
    }
    Ok(octets)
}

fn font_files(path: &Path) -> std::io::Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_path_buf()]);
    }
    files_with(path, &["ttf", "otf", "ttc"])
}

/// The files of a folder whose names end so, sorted; not what editors keep there.
fn files_with(folder: &Path, extensions: &[&str]) -> std::io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let file = entry?.path();
        let name = file.extension().and_then(|name| name.to_str()).map(str::to_ascii_lowercase);
        let is_wanted = name.is_some_and(|name| extensions.contains(&name.as_str()));
        if is_wanted && !is_aside(&file) {
            files.push(file);
        }
    }
    files.sort();
    Ok(files)
}

fn unusable(file: &Path, message: &str) -> SheetError {
    SheetError::Font { file: file.display().to_string(), message: message.to_owned() }
}

/// The standard library, with fallback to any other font off: a face must be named to be used, and
/// a character that no named face has becomes an error instead of a glyph from somewhere.
pub fn library() -> LazyHash<Library> {
    let mut library = Library::default();
    library.styles.set(TextElem::fallback, false);
    LazyHash::new(library)
}

/// The world of one sheet. Files are read once per sheet, so an edited template counts at once.
pub struct SheetWorld<'a> {
    library: &'a LazyHash<Library>,
    fonts: &'a Fonts,
    /// Without symbolic links, so that a path can be compared with it.
    folder: PathBuf,
    main: FileId,
    data: Bytes,
    sources: Mutex<HashMap<FileId, FileResult<Source>>>,
    files: Mutex<HashMap<FileId, FileResult<Bytes>>>,
}

impl<'a> SheetWorld<'a> {
    /// `template` is a name without folder and `.typ`.
    pub fn new(
        library: &'a LazyHash<Library>,
        fonts: &'a Fonts,
        folder: &Path,
        template: &str,
        fields: &serde_json::Value,
    ) -> Result<Self, SheetError> {
        let refused = |message: String| SheetError::Template {
            file: format!("{template}.typ"),
            line: 1,
            message,
        };
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        if template.is_empty() || !template.chars().all(plain) {
            return Err(refused(String::from(
                "a template's name has letters, digits, _ and - only",
            )));
        }
        let folder = fs::canonicalize(folder)
            .map_err(|error| refused(format!("{}: {error}", folder.display())))?;
        let path = VirtualPath::new(format!("{template}.typ"))
            .map_err(|error| refused(error.to_string()))?;
        Ok(Self {
            library,
            fonts,
            folder,
            main: RootedPath::new(VirtualRoot::Project, path).intern(),
            data: Bytes::from_string(fields.to_string()),
            sources: Mutex::default(),
            files: Mutex::default(),
        })
    }

    fn read(&self, id: FileId) -> FileResult<Bytes> {
        let path = match id.root() {
            VirtualRoot::Project => id.vpath(),
            VirtualRoot::Package(_) => {
                let why = "a sheet uses no packages; put the file beside the template".into();
                return Err(FileError::Package(PackageError::Other(Some(why))));
            }
        };
        let shown = Path::new(path.get_without_slash());
        if shown == Path::new(DATA_PATH) {
            return Ok(self.data.clone());
        }
        let from_io = |error| FileError::from_io(error, shown);
        let real = fs::canonicalize(path.realize(&self.folder)?).map_err(from_io)?;
        if !real.starts_with(&self.folder) {
            return Err(FileError::AccessDenied); // a symbolic link that leads out
        }
        let metadata = fs::metadata(&real).map_err(from_io)?;
        if !metadata.is_file() || metadata.len() > MAX_FILE_OCTETS {
            return Err(FileError::AccessDenied);
        }
        fs::read(&real).map(Bytes::new).map_err(from_io)
    }

    fn parse(&self, id: FileId) -> FileResult<Source> {
        let text = self.file(id)?;
        let text = std::str::from_utf8(&text).map_err(|_| FileError::InvalidUtf8)?;
        Ok(Source::new(id, text.to_owned()))
    }
}

impl World for SheetWorld<'_> {
    fn library(&self) -> &LazyHash<Library> {
        self.library
    }

    fn book(&self) -> &LazyHash<FontBook> {
        &self.fonts.book
    }

    fn main(&self) -> FileId {
        self.main
    }

    fn source(&self, id: FileId) -> FileResult<Source> {
        let mut sources = self.sources.lock().unwrap_or_else(PoisonError::into_inner);
        sources.entry(id).or_insert_with(|| self.parse(id)).clone()
    }

    fn file(&self, id: FileId) -> FileResult<Bytes> {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        files.entry(id).or_insert_with(|| self.read(id)).clone()
    }

    fn font(&self, index: usize) -> Option<Font> {
        self.fonts.fonts.get(index).cloned()
    }

    /// There is no today: a sheet drawn again must have the same bits. A date is a field.
    fn today(&self, _offset: Option<Duration>) -> Option<Datetime> {
        None
    }
}
