#!/bin/sh
# root.sh PACKAGES SCRIPT: runs SCRIPT as in a host of its own: this machine's files with a layer above them that goes with
# the namespace, an interface eth0, its own processes, and the packages in /mnt. To be called within
# `unshare --mount --net --pid --fork --uts --ipc`.
set -eu
packages=$1
script=$2
base=$(mktemp -d)
mount -t tmpfs tmpfs "$base"
mkdir "$base/upper" "$base/work" "$base/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$base/upper,workdir=$base/work" "$base/root"
mount -t proc proc "$base/root/proc"
mount -t sysfs sysfs "$base/root/sys"
mount --rbind /dev "$base/root/dev"
mount -t tmpfs -o mode=755 tmpfs "$base/root/run"
mount -t tmpfs -o mode=1777 tmpfs "$base/root/tmp"
mount --bind "$packages" "$base/root/mnt"
hostname lb1
ip link set lo up
ip link add eth0 type veth peer name peer0
ip link set peer0 up
ip link set eth0 up
ip address add 192.0.2.1/24 dev eth0
cp "$script" "$(dirname "$script")/common.sh" "$base/root/tmp/"
exec chroot "$base/root" /bin/sh "/tmp/$(basename "$script")"
