# Runs a command whose programs are for aarch64: binfmt.sh QEMU COMMAND...
# To be started by `unshare -Urm`: what is registered here is seen in this user namespace and nowhere else (Linux 6.7 and later).
set -eu
qemu=$1
shift
mount -t binfmt_misc none /proc/sys/fs/binfmt_misc
# The mask passes over bytes 8 to 10, which say AppImage; F opens qemu now, so that it also runs where its file is not seen.
magic='\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00'
mask='\xff\xff\xff\xff\xff\xff\xff\x00\x00\x00\x00\xff\xff\xff\xff\xff\xfe\xff\xff\xff'
printf '%s' ":tea-aarch64:M::$magic:$mask:$qemu:F" >/proc/sys/fs/binfmt_misc/register
exec "$@"
