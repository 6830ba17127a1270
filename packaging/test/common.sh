# What the tests of both kinds of packages share; sourced.
set -eu

fail() {
    echo "FAILED: $*" >&2
    [ ! -f /tmp/log ] || sed 's/^/    /' /tmp/log >&2
    exit 1
}

# A service manager that writes down what it is told, and does nothing.
mkdir -p /run/systemd/system
rm -f /usr/bin/systemctl
printf '#!/bin/sh\necho "$*" >>/tmp/systemctl\ncase "$*" in *is-active*) exit 3 ;; esac\n' >/usr/bin/systemctl
chmod 755 /usr/bin/systemctl
export PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive
: >/tmp/systemctl

# until_true SECONDS WHAT COMMAND...
until_true() {
    tries=$(($1 * 20))
    what=$2
    shift 2
    until "$@"; do
        tries=$((tries - 1))
        [ $tries -gt 0 ] || fail "$what"
        sleep 0.05
    done
}

has_address() { ip -4 -oneline address show dev eth0 | grep -q ' 192\.0\.2\.10/'; }
has_none() { ! has_address; }

start_keepalived() {
    mkdir -p /etc/keepalived
    cat >/etc/keepalived/keepalived.conf <<'CONF'
vrrp_instance loadbalancer {
    state MASTER
    interface eth0
    virtual_router_id 51
    priority 101
    advert_int 1
    virtual_ipaddress {
        192.0.2.10/24
    }
}
CONF
    keepalived --dont-fork --log-console --vrrp >/tmp/log 2>&1 &
    keepalived=$!
    until_true 20 "keepalived does not take its address" has_address
    began=$(cut -d' ' -f22 /proc/$keepalived/stat)
    users=$(cat /etc/passwd)
}

# Everything of keepalived's is as it was.
undisturbed() {
    [ "$(cut -d' ' -f22 /proc/$keepalived/stat 2>/dev/null)" = "$began" ] || fail "$1: keepalived was stopped"
    has_address || fail "$1: keepalived lost its address"
    ! getent passwd keepalived_script >/dev/null || fail "$1: the user keepalived_script was made"
    ! grep -E 'keepalived|start|enable' /tmp/systemctl || fail "$1: a script told the service manager that"
    echo "ok: $1: keepalived goes on undisturbed"
}

installed() {
    getent passwd vrrpd >/dev/null || fail "no user vrrpd"
    [ "$(stat -c %U:%a /var/log/vrrpd)" = vrrpd:750 ] || fail "/var/log/vrrpd: $(stat -c %U:%a /var/log/vrrpd)"
    vrrpd --version 2>&1 | grep -q '^vrrpd ' || fail "vrrpd does not run"
    vrrpctl --help >/dev/null || fail "vrrpctl does not run"
    for page in man8/vrrpd.8 man1/vrrpctl.1 man5/vrrpd.toml.5 man7/vrrpd-keepalived.7; do
        gzip -t "/usr/share/man/$page.gz" || fail "$page"
    done
    # A set-up's own files: haproxy may be missing here, a track script not.
    for file in $(find /usr/share/doc/vrrpd/examples -name '*.conf' -o -name '*.toml'); do
        ip address add 10.20.0.11/24 dev eth0 2>/dev/null || :
        vrrpd -t -f "$file" || fail "$file"
    done
    echo "ok: installed: programs run, pages and examples are good"
}
