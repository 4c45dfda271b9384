#!/bin/sh
# Runs once inside the new Debian root, before it becomes a disk image. Leaves /boot/vmlinuz, /boot/initrd and a login user.
set -eu
export DEBIAN_FRONTEND=noninteractive PATH=/usr/sbin:/usr/bin:/sbin:/bin
mount -t proc proc /proc

# The newest cloud kernel of this Debian, unpacked but not installed: its post-install scripts would build an initramfs that we do not need.
apt-get update -q
kernel=$(apt-cache depends linux-image-cloud-amd64 | awk '/Depends: linux-image/ { print $2; exit }')
mkdir /kernel && cd /kernel
apt-get download -q -o APT::Sandbox::User=root "$kernel"
dpkg-deb -x ./*.deb .
version=$(ls lib/modules)
cp -a lib/modules /usr/lib/
cp boot/vmlinuz-* /boot/vmlinuz
depmod "$version"

# The initramfs only has to find the disk.
mkdir -p /initramfs/dev /initramfs/root /initramfs/bin /initramfs/modules && cd /initramfs
cp /bin/busybox bin/
modprobe --show-depends --set-version "$version" virtio_pci | awk '{ print $2 }' > order
modprobe --show-depends --set-version "$version" virtio_blk | awk '{ print $2 }' >> order
for module in $(awk '!seen[$0]++' order); do cp "$module" modules/ && basename "$module" >> modules/order; done
rm order
cp /glassbox/init.sh init && chmod +x init
busybox find . | busybox cpio -o -H newc > /boot/initrd

echo glassbox-vm > /etc/hostname
: > /etc/fstab
useradd -m -s /bin/sh learner
install -m 755 /glassbox/agent.sh /usr/local/sbin/glassbox-agent
install -m 644 /glassbox/agent.service /etc/systemd/system/glassbox-agent.service
install -m 644 /glassbox/job@.service /etc/systemd/system/glassbox-job@.service
systemctl enable glassbox-agent.service
# Nobody logs in on a terminal, and nothing has to be tidied in a machine that lives for a minute.
systemctl mask getty@tty1.service serial-getty@ttyS0.service serial-getty@ttyS1.service \
    apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer e2scrub_reap.service fstrim.timer systemd-pstore.service

cd /
rm -rf /kernel /initramfs /glassbox /var/cache/apt/archives/*.deb /var/lib/apt/lists/*
umount /proc
