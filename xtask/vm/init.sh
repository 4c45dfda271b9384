#!/bin/busybox sh
# The initramfs's only work: load the disk's driver, mount the disk, hand over to systemd.
busybox mount -t devtmpfs dev /dev
for module in $(busybox cat /modules/order); do busybox insmod "/modules/$module"; done
until [ -b /dev/vda ]; do busybox usleep 10000; done
busybox mount -t ext4 -o rw /dev/vda /root
busybox mount --move /dev /root/dev
exec busybox switch_root /root /lib/systemd/systemd
