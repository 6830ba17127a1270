# Makes the daemon's user and its directories; starts, stops and restarts nothing.
systemd-sysusers vrrpd.conf >/dev/null 2>&1 || getent passwd vrrpd >/dev/null ||
    useradd --system --user-group --home-dir /run/vrrpd --no-create-home --shell /sbin/nologin vrrpd
systemd-tmpfiles --create vrrpd.conf >/dev/null 2>&1 || :
[ ! -d /run/systemd/system ] || systemctl daemon-reload || :
