//! Every configuration that is shipped as an example is accepted without a complaint on a host like the one it is for.

use std::path::{Path, PathBuf};

use vrrp_tests::lab::Lab;

fn examples() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../packaging/examples");
    let root = root.canonicalize().expect("the examples are there");
    let mut found = Vec::new();
    for directory in std::fs::read_dir(root).expect("the examples are there") {
        let directory = directory.expect("it can be read").path();
        if directory.is_dir() {
            let files = std::fs::read_dir(directory).expect("it can be read");
            found.extend(files.map(|file| file.expect("it can be read").path()));
        }
    }
    found.sort_unstable();
    found
}

#[test]
fn every_example_passes_the_check() {
    let mut lab = Lab::new();
    lab.segment("lan");
    let host = lab.host("lb1");
    lab.link(&host, "eth0", "lan", &["10.20.0.11/24", "192.0.2.1/24"]);
    let examples = examples();
    assert!(examples.len() >= 10, "{examples:?}");
    for example in examples {
        let name = example.file_name().unwrap_or_default();
        let text = std::fs::read_to_string(&example).expect("a text");
        // The machine's own directories may be hidden from the host.
        let place = format!("/run/examples/{}", name.to_string_lossy());
        host.write(&place, &text, 0o644);
        let checked = host.run(&["vrrpd", "-t", "-f", &place]);
        let name = example.display();
        assert_eq!(checked.code, 0, "{name}:\n{}", checked.output);
        assert!(
            checked.output.trim().is_empty(),
            "{name}:\n{}",
            checked.output
        );
    }
}
