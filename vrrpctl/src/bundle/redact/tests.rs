use super::*;

fn one(text: &str) -> String {
    redact(&[text.to_owned()]).remove(0)
}

#[test]
fn passwords_go_in_every_way_of_writing_them() {
    for text in [
        "authentication {\n  auth_type PASS\n  auth_pass hunter22\n}\n",
        "authentication { auth_type PASS auth_pass hunter22 }\n",
        "  auth_pass \"hunter22\"   # since 2014\n",
        "# auth_pass hunter22\n",
        "auth_pass \\\n  hunter22\n",
        "auth_pass\n  hunter22\n",
        "$SECRET_WORD=hunter22\nauth_pass $SECRET_WORD\n",
        "$WORD=hunter22\nvrrp_instance a {\n auth_pass ${WORD}\n}\n",
        "[vrrp.auth]\npassword = \"hunter22\"\n",
        "auth = { type = \"pass\", password = \"hunter22\" }\n",
        "password = \"\"\"\nhunter22\n\"\"\"\n",
        "password = '''hunter22'''\n",
        "auth_hmac key hunter22\n",
        "AUTH_PASS hunter22\n",
        "smtp_password hunter22\nnotify \"/bin/x hunter22\"\n",
        "script \"/usr/bin/mysql -uroot -phunter22\"\n",
        "script /usr/bin/curl --user admin:hunter22 http://localhost\n",
        "command = [\"/usr/bin/check\", \"--key\", \"hunter22\"]\n",
        "notify_master '/etc/n.sh hunter22'\n",
        "auth_pass hunter22\n# the old one: hunter22 of the old machine\n",
    ] {
        let clean = one(text);
        assert!(!clean.contains("hunter22"), "{text}\nbecame\n{clean}");
        assert!(clean.contains(REMOVED), "{clean}");
    }
}

#[test]
fn a_password_that_another_file_repeats_goes_there_too() {
    let files = [
        "auth_pass hunter22\n".to_owned(),
        "remark hunter22 is old\n".to_owned(),
    ];
    assert!(redact(&files).iter().all(|text| !text.contains("hunter22")));
}

#[test]
fn everything_else_stays_as_it_is() {
    let text = "global_defs {\n    enable_script_security\n    script_user nobody\n}\nvrrp_script chk_haproxy {\n    \
                script \"/usr/bin/killall [removed]\"\n    interval 2\n    weight 2\n}\nvrrp_instance loadbalancer {\n    \
                state MASTER\n    interface eth0\n    virtual_router_id 205\n    priority 101\n    authentication {\n        \
                auth_type PASS\n        auth_pass [removed]\n    }\n    virtual_ipaddress {\n        192.168.205.7\n    \
                }\n    track_script {\n        chk_haproxy\n    }\n    notify /etc/notify.sh\n}\n";
    let before = text
        .replace("killall [removed]", "killall -0 haproxy")
        .replace("auth_pass [removed]", "auth_pass 1234");
    assert_eq!(one(&before), text);
    assert_eq!(one(text), text, "once is enough");
}

#[test]
fn any_text_is_survived() {
    for text in [
        "",
        "\n",
        "auth_pass",
        "password = \"\"\"",
        "=",
        "$=",
        "\u{0}\u{e4} pass \u{e4}",
        "script \"",
        "\r\n\r\n",
    ] {
        let _some_text = one(text);
    }
}

/// Words of the real configurations that people shared keep their lines.
#[test]
fn the_number_of_lines_stays() {
    let text = "a\nauth_pass x \\\n y\npassword = '''\nz\n'''\nend";
    assert_eq!(one(text).lines().count(), text.lines().count());
}
