[ "$1" != 0 ] || rm -rf /run/vrrpd /run/vrrpd-runner.socket
[ ! -d /run/systemd/system ] || systemctl daemon-reload || :
