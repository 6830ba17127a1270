#!/bin/sh
# Installs, upgrades, removes and purges the .deb packages beside a running keepalived.
. /tmp/common.sh

start_keepalived
package=$(ls /mnt/vrrpd_*.deb)
names=$(ls /mnt/vrrpd-keepalived_*.deb)

dpkg --install "$package" >/tmp/log 2>&1 || fail "install"
undisturbed install
installed

if vrrpd -n -l -G -f /etc/keepalived/keepalived.conf >/tmp/log 2>&1; then
    fail "vrrpd started beside a keepalived"
elif [ $? != 3 ]; then
    fail "vrrpd beside a keepalived: not exit code 3"
fi
grep -q "keepalived (pid $keepalived)" /tmp/log || fail "it does not say who speaks"
undisturbed "start of vrrpd, refused"

# The same with a higher version number.
mkdir /tmp/newer
dpkg-deb --raw-extract "$package" /tmp/newer
sed -i 's/^Version: .*/Version: 999.0/' /tmp/newer/DEBIAN/control
dpkg-deb --root-owner-group --build -Znone /tmp/newer /tmp/newer.deb >/dev/null
echo 'DAEMON_ARGS="-D"' >/etc/default/vrrpd
dpkg --install --force-confold /tmp/newer.deb >/tmp/log 2>&1 || fail "upgrade"
undisturbed upgrade
grep -q 'DAEMON_ARGS="-D"' /etc/default/vrrpd || fail "the upgrade changed /etc/default/vrrpd"

kill $keepalived
wait $keepalived 2>/dev/null || :
until_true 10 "keepalived kept its address" has_none
# Whoever installs the names chooses to have keepalived's package replaced.
dpkg --install "$names" >/tmp/log 2>&1 || fail "names"
grep -q 'Removing keepalived' /tmp/log || fail "the names stand beside keepalived"
[ "$(readlink /usr/sbin/keepalived)" = vrrpd ] || fail "/usr/sbin/keepalived is no link to vrrpd"
[ "$(readlink /usr/lib/systemd/system/keepalived.service)" = vrrpd.service ] || fail "no keepalived.service"
keepalived --dont-fork --log-console --vrrp >/tmp/log 2>&1 &
ours=$!
until_true 20 "vrrpd as keepalived does not take the address" has_address
[ "$(cat /run/keepalived.pid)" = $ours ] || fail "/run/keepalived.pid"
vrrpctl status >/tmp/status || fail "vrrpctl status: $(cat /tmp/status)"
kill $ours
wait $ours || fail "it ended with $?"
has_none || fail "the address stayed"
echo "ok: as keepalived it runs, answers and stops"

dpkg --purge vrrpd-keepalived >/tmp/log 2>&1 || fail "purge of the names"
dpkg --remove vrrpd >/tmp/log 2>&1 || fail "removal"
grep -q 'disable --now vrrpd.service' /tmp/systemctl || fail "the removal did not stop the service"
[ ! -e /usr/sbin/vrrpd ] && [ -d /var/log/vrrpd ] || fail "what a removal leaves"
dpkg --purge vrrpd >/tmp/log 2>&1 || fail "purge"
for left in /var/log/vrrpd /etc/vrrpd /etc/default/vrrpd /etc/apparmor.d/usr.sbin.vrrpd /run/vrrpd; do
    [ ! -e $left ] || fail "purge left $left"
done
echo "ok: removed and purged"
