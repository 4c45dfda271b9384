#!/bin/sh
# Takes the job off the second disk, runs it in a login session of the user it names, sends its output over the second serial line,
# then the closing line that the host waits for, and switches the machine off.
stty raw -echo -F /dev/ttyS1
tar --keep-directory-symlink -xf /dev/vdb -C /
user=$(cat /job/user)

# A pipe, not the serial line itself: programs must not take the job's output for a terminal.
mkfifo /run/job.out
cat /run/job.out > /dev/ttyS1 &
systemctl start "glassbox-job@$user.service"
status=$(systemctl show -p ExecMainStatus --value "glassbox-job@$user.service")

# A process that the job left behind may hold the pipe open: what it says after the job's end is not waited for.
(sleep 2; kill $! 2> /dev/null) &
wait %1
echo "GLASSBOX-EXIT $status" > /dev/ttyS1
exec systemctl poweroff --force --force
