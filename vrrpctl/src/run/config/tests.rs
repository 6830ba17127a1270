//! The files that an operator has, and what the tool says of them.

use std::os::unix::fs::PermissionsExt as _;

use crate::run::tests::Directory;

const CASE: &str = "global_defs {\n enable_script_security\n script_user root\n router_id lb1\n}\n\
    vrrp_script chk {\n script \"killall -0 haproxy\"\n interval 2\n weight 2\n}\n\
    vrrp_instance VI {\n state BACKUP\n interface eth0\n virtual_router_id 205\n priority 101\n\
    authentication {\n auth_type PASS\n auth_pass secret\n }\n\
    virtual_ipaddress {\n 10.0.0.7\n }\n track_script {\n chk\n }\n}\n";

struct Files(Directory);

impl Files {
    fn new() -> Self {
        Self(Directory::new())
    }

    fn write(&self, name: &str, text: &str) -> String {
        let path = self.0.0.join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }

    fn run(&self, words: &[&str]) -> (u8, String, String) {
        let mut all = vec!["config"];
        all.extend(words);
        let (exit, answer, message) = self.0.run(&all);
        (exit.code(), answer, message)
    }
}

#[test]
fn a_good_file_is_good_and_a_bad_one_shows_where() {
    let files = Files::new();
    let good = files.write("good.conf", CASE);
    let (code, answer, message) = files.run(&["test", &good]);
    assert_eq!((code, message.as_str()), (0, ""), "{answer}");
    assert!(
        answer.contains("good.conf: good, 1 virtual router\n"),
        "{answer}"
    );

    let bad = files.write("bad.conf", &CASE.replace("priority 101", "priorty 101"));
    let (code, answer, _) = files.run(&["test", &bad]);
    assert_eq!(code, 1);
    assert!(answer.contains("did you mean 'priority'?"), "{answer}");
    assert!(
        answer.contains("runs, 1 virtual router; 1 warning"),
        "{answer}"
    );
    assert!(answer.contains("ends with 5 for this"), "{answer}");

    let refused = files.write("no.toml", "[[router]]\nname = \"a\"\n");
    let (code, answer, _) = files.run(&["test", &refused]);
    assert_eq!(code, 1);
    assert!(answer.contains("no.toml: refused; 1 error"), "{answer}");
    assert_eq!(files.run(&["test", "/no/such/file"]).0, 2);
}

#[test]
fn two_nodes_that_fit_agree_and_others_are_told_apart() {
    let files = Files::new();
    let one = files.write("a.conf", CASE);
    let two = CASE
        .replace("lb1", "lb2")
        .replace("priority 101", "priority 100");
    let fits = files.write("b.conf", &two);
    let (code, answer, message) = files.run(&["diff", &one, &fits]);
    assert_eq!((code, message.as_str()), (0, ""));
    assert_eq!(answer, "lb1 and lb2 agree: 1 virtual router\n");

    let other = files.write("c.conf", &two.replace("secret", "other"));
    let (code, answer, _) = files.run(&["diff", &one, &other]);
    assert_eq!(code, 1);
    assert_eq!(
        answer,
        "VI (eth0 IPv4 VRID 205)\n  \
         TROUBLE  auth: the passwords differ in their first 8 bytes: each refuses the other's adverts, and both become MASTER\n\
         1 trouble between lb1 and lb2\n"
    );
    let (code, answer, _) = files.run(&["diff", "--json", &one, &other]);
    let json: serde_json::Value = serde_json::from_str(&answer).unwrap();
    assert_eq!((code, &json["schema"]), (1, &1.into()));
    assert_eq!(json["disagreements"][0]["about"], "auth");
    assert_eq!(json["disagreements"][0]["trouble"], true);
}

/// One file for both nodes, with lines for each.
#[test]
fn one_file_is_two_nodes_by_its_conditional_lines() {
    let files = Files::new();
    let both = CASE.replace("priority 101", "@lb1 priority 101\n@lb2 priority 100");
    let both = files.write("both.conf", &both);
    let (code, answer, _) = files.run(&["diff", &both, &both, "--id-a", "lb1", "--id-b", "lb2"]);
    assert_eq!(
        (code, answer.as_str()),
        (0, "lb1 and lb2 agree: 1 virtual router\n")
    );
}

#[test]
fn a_file_becomes_the_other_language_and_comes_back() {
    let files = Files::new();
    let conf = files.write("a.conf", CASE);
    let (code, toml, message) = files.run(&["convert", &conf]);
    assert_eq!((code, message.as_str()), (0, ""));
    assert!(toml.starts_with("# Converted from "), "{toml}");
    assert!(toml.contains("[[router]]\nname = \"VI\"\n"), "{toml}");
    let toml = files.write("a.toml", &toml);
    let back = files.0.0.join("back.conf");
    let back = back.to_str().unwrap();
    let (code, answer, message) = files.run(&["convert", &toml, "--output", back]);
    assert_eq!((code, answer.as_str(), message.as_str()), (0, "", ""));
    let mode = std::fs::metadata(back).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "there is a password in it");
    assert_eq!(
        files.run(&["diff", &conf, back]).1.lines().count(),
        3,
        "a tie and nothing else"
    );
    // What is there is not written over.
    let (code, _, message) = files.run(&["convert", &toml, "-o", back]);
    assert_eq!(code, 1);
    assert!(message.contains("cannot write"), "{message}");
}

#[test]
fn what_the_other_language_cannot_say_is_told_and_written_only_on_request() {
    let files = Files::new();
    let own = files.write(
        "own.toml",
        "[metrics]\nlisten = \"127.0.0.1:9650\"\n[[router]]\nname = \"a\"\ninterface = \"eth0\"\nvrid = 1\naddresses = [\"192.0.2.1\"]\n",
    );
    let (code, answer, message) = files.run(&["convert", &own]);
    assert_eq!((code, answer.as_str()), (1, ""));
    assert!(
        message.contains("keepalived's language cannot say: global setting metrics"),
        "{message}"
    );
    assert!(
        message.contains("nothing is written; --closest writes"),
        "{message}"
    );
    let (code, answer, _) = files.run(&["convert", &own, "--closest"]);
    assert_eq!(code, 0);
    assert!(
        answer.contains("# Not said here: global setting metrics\n"),
        "{answer}"
    );
    assert!(answer.contains("vrrp_instance a {\n"), "{answer}");
}

/// A word that is known and not honoured is in no plan, so converting drops it.
#[test]
fn words_that_converting_drops_are_named() {
    let files = Files::new();
    let odd = files.write(
        "odd.conf",
        &CASE.replace("priority 101", "priority 101\n nonsense 5"),
    );
    let (code, _, message) = files.run(&["convert", &odd]);
    assert_eq!(code, 0);
    assert!(message.contains("unknown keyword 'nonsense'"), "{message}");
}
