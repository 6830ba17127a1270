//! Links between the documents lead to files that exist.

use std::path::{Path, PathBuf};

/// The targets of a text's links that are files, without the part within a file.
fn links(text: &str) -> impl Iterator<Item = &str> {
    text.split("](")
        .skip(1)
        .filter_map(|rest| rest.split([')', '#']).next())
        .filter(|target| !target.is_empty() && !target.contains("://"))
}

#[test]
fn links_between_documents_lead_somewhere() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let in_directory = |directory: &str| -> Vec<PathBuf> {
        std::fs::read_dir(root.join(directory))
            .expect("the directory is part of the repository")
            .map(|entry| entry.expect("it can be read").path())
            .filter(|path| path.extension().is_some_and(|end| end == "md"))
            .collect()
    };
    let (mut seen, mut broken) = (0, Vec::new());
    for document in [in_directory("."), in_directory("docs")].concat() {
        let text = std::fs::read_to_string(&document).expect("a text");
        let beside = document.parent().expect("it lies in a directory");
        for link in links(&text) {
            seen += 1;
            if !beside.join(link).exists() {
                broken.push(format!("{}: {link}", document.display()));
            }
        }
    }
    assert!(seen > 20, "{seen} links");
    assert!(broken.is_empty(), "{broken:#?}");
}
