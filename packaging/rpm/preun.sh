# Stops vrrpd when it is removed ($1 is 0) and not when it is upgraded.
if [ "$1" = 0 ] && [ -d /run/systemd/system ]; then
    systemctl --no-reload disable --now vrrpd.service vrrpd-runner.socket || :
fi
