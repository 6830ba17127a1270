if [ "$1" = 0 ]; then
    for name in /usr/sbin/keepalived /usr/lib/systemd/system/keepalived.service; do
        [ ! -L "$name" ] || rm -f "$name"
    done
fi
