#!/bin/sh
# dockerd, apart from this machine: `dockerd.sh ROOT PLACE CGROUP`.
#   ROOT    a Debian root with docker.io in it; nothing in it is changed
#   PLACE   a directory of the host, seen by the daemon under the same path: data/ and docker.sock are in it
#   CGROUP  the name of a cgroup in the root of every tree; the daemon takes it for the root
# Whoever starts it removes the cgroups afterwards. All mounts and processes end with the pid namespace's first process.
set -eu

outside() {
    for tree in $(awk '$3 == "cgroup" || $3 == "cgroup2" { print $2 }' /proc/self/mounts); do
        mkdir -p "$tree/$CGROUP"
        # A new cpuset takes no process before it has processors and memory.
        for file in cpuset.cpus cpuset.mems; do
            if [ -e "$tree/$file" ] && [ -e "$tree/$CGROUP/cpuset.sched_load_balance" ]; then cat "$tree/$file" > "$tree/$CGROUP/$file"; fi
        done
        echo $$ > "$tree/$CGROUP/cgroup.procs"
    done
    # Containers are as nice as their daemon, and `docker top` shows it.
    renice -n 0 -p $$ > /dev/null
    exec unshare --mount --pid --net --uts --ipc --cgroup --fork --kill-child sh "$0" --inside "$ROOT" "$PLACE"
}

# cgroup2 alone at /sys/fs/cgroup, or the trees of v1 as this machine has them.
cgroups() {
    if awk '$2 == "/sys/fs/cgroup" && $3 == "cgroup2" { found = 1 } END { exit !found }' /proc/self/mounts; then
        mount -t cgroup2 cgroup2 "$1"
        return
    fi
    awk '$3 == "cgroup" || $3 == "cgroup2" { print $2, $3, $4 }' /proc/self/mounts > "$PLACE/trees"
    mount -t tmpfs tmpfs "$1"
    while read -r target type options; do
        name=${target##*/}
        controllers=$(echo "$options" | tr ',' '\n' | grep -vE '^(rw|ro|relatime|noatime|nosuid|nodev|noexec|xattr|release_agent=.*|nsdelegate|memory_recursiveprot)$' | paste -sd ,)
        case $controllers in name=*) controllers="none,$controllers" ;; esac
        mkdir "$1/$name"
        mount -t "$type" ${controllers:+-o "$controllers"} "$type" "$1/$name"
    done < "$PLACE/trees"
}

inside() {
    mount --make-rprivate /
    mount --bind "$ROOT" "$ROOT"
    cd "$ROOT"
    mount -t proc proc proc
    mount -t sysfs sysfs sys
    cgroups "$ROOT/sys/fs/cgroup"
    mount --rbind /dev dev
    mount -t tmpfs tmpfs run
    mount -t tmpfs tmpfs mnt
    mount -t tmpfs tmpfs tmp
    mkdir -p "$ROOT$PLACE" mnt/old
    mount --bind "$PLACE" "$ROOT$PLACE"
    pivot_root . mnt/old
    umount -l /mnt/old
    # As systemd has it: what is bound with a propagation of its own asks for that.
    mount --make-rshared /
    hostname docker
    ip link set lo up
    # Of this network namespace; without it Docker warns.
    echo 1 > /proc/sys/net/ipv4/ip_forward
    export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root
    # No bridge: the fixtures ask for --network none. No limit is raised: that is left to systemd's units.
    exec dockerd --host "unix://$PLACE/docker.sock" --data-root "$PLACE/data" --exec-root /run/docker --pidfile /run/docker.pid \
        --storage-driver overlay2 --exec-opt native.cgroupdriver=cgroupfs --bridge=none --iptables=false --ip6tables=false
}

if [ "$1" = --inside ]; then
    ROOT=$2 PLACE=$3
    inside
else
    ROOT=$1 PLACE=$2 CGROUP=$3
    outside
fi
