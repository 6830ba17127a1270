//! Bad input: one clear message that names the place, the right status, no panic, bounded time and memory.

#![expect(
    clippy::unwrap_used,
    reason = "a test fails where its files cannot be written"
)]

mod common;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use vrrp_config::{Loaded, MemoryFiles, NoFacts};

use common::{Host, load_file};

const INSTANCE: &str = "vrrp_instance V {\n  interface eth0\n  virtual_router_id 5\n  virtual_ipaddress {\n    10.0.0.1\n  }\n}\n";

/// A directory that goes away with the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path =
            Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn write(&self, name: &str, content: &[u8]) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, content).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn check(content: &str) -> Loaded {
    let path = Path::new("/etc/keepalived/keepalived.conf");
    let files = MemoryFiles::single(path, content);
    vrrp_config::load(
        path,
        &files,
        &Host::with_interfaces(&["eth0"]),
        &vrrp_config::LoadOptions::default(),
    )
}

/// The messages without those about commands; there is one, at this line and column.
fn one(loaded: &Loaded, status: u8, place: Option<(u32, u32)>, words: &str) {
    let rendered = loaded.render();
    assert_eq!(loaded.check_exit(), status, "{rendered}");
    assert_eq!(loaded.diagnostics.len(), 1, "{rendered}");
    let diagnostic = &loaded.diagnostics[0];
    assert!(diagnostic.message.contains(words), "{rendered}");
    assert!(diagnostic.help.is_some(), "{rendered}");
    assert_eq!(
        diagnostic.span.map(|span| (span.line, span.column)),
        place,
        "{rendered}"
    );
}

#[test]
fn a_missing_file_is_named_and_ends_with_6() {
    let loaded = load_file(Path::new("/no/such/keepalived.conf"), &NoFacts);
    one(&loaded, 6, None, "'/no/such/keepalived.conf': no such file");
    assert!(loaded.plan.is_none());
    assert_eq!(loaded.run_exit, 6);
}

#[test]
fn a_directory_and_an_executable_file_are_refused_with_6() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new("irregular");
    one(
        &load_file(&folder.0, &NoFacts),
        6,
        None,
        "not a regular non-executable file",
    );
    let path = folder.write("x.conf", INSTANCE.as_bytes());
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    let loaded = load_file(&path, &NoFacts);
    one(&loaded, 6, None, "not a regular non-executable file");
    assert!(loaded.render().contains("chmod a-x"));
}

#[test]
fn an_unreadable_include_is_shown_where_it_is_included() {
    let folder = Folder::new("include");
    let path = folder.write(
        "k.conf",
        format!("{INSTANCE}includea missing.conf\n").as_bytes(),
    );
    let loaded = load_file(&path, &NoFacts);
    assert_eq!(
        (loaded.check_exit(), loaded.run_exit),
        (6, 6),
        "{}",
        loaded.render()
    );
    assert!(loaded.plan.is_none());
    assert_eq!(loaded.diagnostics[0].span.unwrap().line, 8);
    let path = folder.write("k.conf", format!("{INSTANCE}include .\n").as_bytes());
    let loaded = load_file(&path, &NoFacts);
    assert!(
        loaded.plan.is_some(),
        "a plain include that cannot be read is told and skipped"
    );
}

#[test]
fn an_unknown_interface_is_shown() {
    let loaded = check(&INSTANCE.replace("eth0", "eth7"));
    one(&loaded, 5, Some((2, 13)), "interface 'eth7' does not exist");
    assert_eq!(loaded.run_exit, 2);
}

#[test]
fn a_vrid_out_of_range_is_shown() {
    for bad in ["0", "256"] {
        let loaded = check(&INSTANCE.replace("id 5", &format!("id {bad}")));
        one(&loaded, 5, Some((3, 21)), "is out of range");
        assert!(loaded.plan.is_none());
    }
}

#[test]
fn a_priority_out_of_range_is_shown_and_the_default_used() {
    for bad in ["0", "256"] {
        let loaded =
            check(&INSTANCE.replace("  interface", &format!("  priority {bad}\n  interface")));
        one(&loaded, 5, Some((2, 12)), "is out of range; 100 is used");
        assert_eq!(loaded.plan.unwrap().routers[0].priority.as_u8(), 100);
    }
}

#[test]
fn a_duplicate_vrid_is_shown_at_the_second_one() {
    let loaded = check(&format!(
        "{INSTANCE}{}",
        INSTANCE.replace("V {", "W {").replace("0.1", "0.2")
    ));
    one(
        &loaded,
        5,
        Some((10, 21)),
        "instances 'V' and 'W' both have virtual_router_id 5",
    );
    assert!(loaded.plan.is_none());
}

#[test]
fn an_ipv6_address_in_a_version_2_router_is_shown() {
    let loaded = check(&INSTANCE.replace("10.0.0.1", "10.0.0.1\n    2001:db8::1"));
    one(
        &loaded,
        5,
        Some((6, 5)),
        "2001:db8::1 is of the other family",
    );
    let loaded = check(
        &INSTANCE
            .replace("  interface", "  version 2\n  interface")
            .replace("10.0.0.1", "2001:db8::1"),
    );
    one(&loaded, 5, Some((2, 11)), "version 2 is IPv4 only");
    assert!(loaded.plan.is_none());
}

#[test]
fn an_unterminated_block_is_shown_at_its_brace() {
    let loaded = check(INSTANCE.trim_end().trim_end_matches('}'));
    one(&loaded, 5, Some((1, 17)), "never closed");
}

#[test]
fn an_unterminated_quote_is_shown_at_the_quote() {
    let loaded = check(&INSTANCE.replace("10.0.0.1", "10.0.0.1 label \"x"));
    let quote = loaded
        .diagnostics
        .iter()
        .find(|diagnostic| diagnostic.message.contains("quote is never closed"))
        .unwrap();
    assert_eq!(
        quote.span.map(|span| (span.line, span.column)),
        Some((5, 20)),
        "{}",
        loaded.render()
    );
    assert_eq!(loaded.check_exit(), 5);
}

#[test]
fn binary_garbage_is_bounded_and_says_so_in_few_lines() {
    let garbage: Vec<u8> = (0..1_000_000_u32)
        .map(|n| (n.wrapping_mul(2_654_435_761) >> 24).to_le_bytes()[0])
        .collect();
    let folder = Folder::new("garbage");
    let started = Instant::now();
    let loaded = load_file(&folder.write("k.conf", &garbage), &NoFacts);
    assert!(started.elapsed() < Duration::from_secs(20));
    assert!(loaded.diagnostics.len() < 500);
    assert_eq!(loaded.check_exit(), 5);
    assert!(
        loaded
            .render()
            .chars()
            .all(|c| c == '\n' || !c.is_control()),
        "a terminal must not be talked to"
    );
    let toml = load_file(&folder.write("k.toml", &garbage), &NoFacts);
    one(
        &toml,
        5,
        toml.diagnostics[0]
            .span
            .map(|span| (span.line, span.column)),
        "not UTF-8",
    );
}

#[test]
fn a_file_of_100_mb_is_refused_by_its_size() {
    let folder = Folder::new("huge");
    let path = folder.0.join("k.conf");
    std::fs::File::create(&path)
        .unwrap()
        .set_len(100 * 1024 * 1024)
        .unwrap();
    let started = Instant::now();
    let loaded = load_file(&path, &NoFacts);
    one(&loaded, 6, None, "larger than 16777216 bytes");
    assert!(loaded.plan.is_none());
    assert!(started.elapsed() < Duration::from_secs(5));
}

/// Each include is small and all of them together are not.
#[test]
fn the_limit_of_16_mib_counts_includes() {
    let path = Path::new("/k.conf");
    let mut main = String::new();
    let mut files = MemoryFiles::default();
    for number in 0..20 {
        main += &format!("include {number}.conf\n");
        files = files.with(format!("/{number}.conf"), "# filler\n".repeat(120_000));
    }
    let files = files.with(path, main);
    let loaded = vrrp_config::load(path, &files, &NoFacts, &vrrp_config::LoadOptions::default());
    assert_eq!(loaded.check_exit(), 6);
    assert!(
        loaded.render().contains("larger than"),
        "{}",
        loaded.render()
    );
    assert!(loaded.plan.is_none());
}

#[test]
fn deep_nesting_is_shown_where_it_gets_too_deep() {
    let loaded = check(&"a {\n".repeat(100_000));
    one(&loaded, 5, Some((65, 3)), "deeper than 64 levels");
    assert!(loaded.plan.is_none());
    let loaded = check(&format!(
        "{INSTANCE}{}{}",
        "a {\n".repeat(64),
        "}\n".repeat(64)
    ));
    assert!(loaded.plan.is_some(), "{}", loaded.render());
}

#[test]
fn deeply_nested_toml_is_refused() {
    let folder = Folder::new("deep");
    for text in [
        format!("a = {}", "[".repeat(100_000)),
        format!("a = {}", "{a=".repeat(100_000)),
        format!("[{}]", "a.".repeat(100_000) + "a"),
    ] {
        let loaded = load_file(&folder.write("k.toml", text.as_bytes()), &NoFacts);
        assert!(loaded.plan.is_none());
        assert_eq!(loaded.check_exit(), 5);
        assert_eq!(loaded.diagnostics.len(), 1);
    }
}

/// A few lines that expand to more than memory holds.
#[test]
fn expansion_is_bounded() {
    let mut text = String::from("$A=x x x x x x x x\n");
    for (name, previous) in ('B'..='Z').zip('A'..='Y') {
        text +=
            &format!("${name}=${{{previous}}} ${{{previous}}} ${{{previous}}} ${{{previous}}}\n");
    }
    text += "$Z\n~SEQ(a,1,1,60000) ~SEQ(b,1,1,60000) $a $b\n";
    text += INSTANCE;
    let started = Instant::now();
    let loaded = check(&text);
    assert!(
        started.elapsed() < Duration::from_secs(20),
        "{:?}",
        started.elapsed()
    );
    assert_eq!(loaded.check_exit(), 5);
    assert!(
        loaded.render().contains("expands to more than"),
        "{}",
        loaded.render()
    );
}

#[test]
fn many_instances_are_read_in_reasonable_time() {
    let text: String = (0..3000)
        .map(|n| {
            INSTANCE
                .replace("V {", &format!("V{n} {{"))
                .replace("eth0", &format!("eth{}", n / 255))
                .replace("id 5", &format!("id {}", n % 255 + 1))
        })
        .collect();
    let path = Path::new("/k.conf");
    let started = Instant::now();
    let files = MemoryFiles::single(path, text);
    let loaded = vrrp_config::load(path, &files, &NoFacts, &vrrp_config::LoadOptions::default());
    assert_eq!(loaded.plan.unwrap().routers.len(), 3000);
    assert!(
        started.elapsed() < Duration::from_secs(20),
        "{:?}",
        started.elapsed()
    );
}

/// A file under the limit of bytes that holds as many entries as it can, read in bounded memory.
#[test]
fn a_flood_of_short_lines_is_refused_before_it_fills_memory() {
    let path = Path::new("/k.conf");
    let files = MemoryFiles::single(path, "a\n".repeat(8 * 1024 * 1024));
    let loaded = vrrp_config::load(path, &files, &NoFacts, &vrrp_config::LoadOptions::default());
    one(
        &loaded,
        6,
        Some((500_001, 1)),
        "there are more than 500000 entries",
    );
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let peak = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .and_then(|rest| {
            rest.trim()
                .trim_end_matches(" kB")
                .trim()
                .parse::<u64>()
                .ok()
        });
    assert!(
        peak.is_some_and(|peak| peak < 600 * 1024),
        "peak of all tests of this process: {peak:?} kB"
    );
}
