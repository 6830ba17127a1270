# Links are made here, as the packer knows files only. Starts and stops nothing.
ln -sf vrrpd /usr/sbin/keepalived
ln -sf vrrpd.service /usr/lib/systemd/system/keepalived.service
[ ! -d /run/systemd/system ] || systemctl daemon-reload || :
