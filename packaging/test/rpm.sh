#!/bin/sh
# Installs, upgrades and removes the .rpm packages beside a running keepalived. The machine may be a Debian, whose libraries
# rpm does not know: dependencies are looked at, not resolved.
. /tmp/common.sh

start_keepalived
package=$(ls /mnt/vrrpd-[0-9]*.rpm)
names=$(ls /mnt/vrrpd-keepalived-[0-9]*.rpm)
rpm --initdb
rpm --query --package --requires "$package" | sort -u

rpm --install --nodeps "$package" >/tmp/log 2>&1 || fail "install"
undisturbed install
installed
rpm --upgrade --force --nodeps "$package" >/tmp/log 2>&1 || fail "upgrade"
undisturbed upgrade
rpm --verify --nodeps vrrpd >/tmp/log || fail "verify"
rpm --query --package --conflicts "$names" | grep -q '^keepalived' || fail "the names do not conflict with keepalived"
! grep -q disable /tmp/systemctl || fail "the upgrade stopped the service"

kill $keepalived
wait $keepalived 2>/dev/null || :
until_true 10 "keepalived kept its address" has_none
rm /usr/sbin/keepalived
rpm --install --nodeps "$names" >/tmp/log 2>&1 || fail "names"
[ "$(readlink /usr/sbin/keepalived)" = vrrpd ] || fail "/usr/sbin/keepalived is no link to vrrpd"
rpm --erase vrrpd-keepalived >/tmp/log 2>&1 || fail "removal of the names"
[ ! -e /usr/sbin/keepalived ] || fail "the name stayed"
rpm --erase vrrpd >/tmp/log 2>&1 || fail "removal"
grep -q 'disable --now vrrpd.service' /tmp/systemctl || fail "the removal did not stop the service"
[ ! -e /usr/sbin/vrrpd ] && [ -d /var/log/vrrpd ] || fail "what a removal leaves"
echo "ok: removed"
