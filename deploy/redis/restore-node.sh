#!/bin/sh
# Brings a stopped node of the Redis Cluster back whose append-only file is damaged. docs/runbooks/redis-append-only-file.md
# says which command when.
#
# Promise: nothing is changed without --apply, nothing is ever deleted (what is replaced goes to set-aside-… in the data
# folder), nodes.conf stays as it is, and no command works on a node that runs. A node is emptied only when another one of
# its shard serves: the replica of a master that starts empty copies the emptiness.
# Not here: starting the node, or the counters that are missing then; the service raises quotas by itself.
set -eu

usage() {
  cat <<'TEXT'
Usage: restore-node.sh check FOLDER
       restore-node.sh cut-tail FOLDER [--apply]
       restore-node.sh empty FOLDER --peer HOST:PORT [--apply] [-- OPTIONS OF REDIS-CLI]
       restore-node.sh from-archive FOLDER ARCHIVE.rdb (--peer HOST:PORT | --no-peer) [--apply] [-- OPTIONS OF REDIS-CLI]
       restore-node.sh anew FOLDER (--peer HOST:PORT | --no-peer) [--apply] [-- OPTIONS OF REDIS-CLI]

  check         says what can be read of the append-only file, and what to do next
  cut-tail      forgets what comes after the first fault, if that lies in the last file
  empty         sets the node's data aside, so that it copies everything from the node that serves its shard
  from-archive  puts an RDB file in the place of the append-only file, where no node of the shard has better
  anew          sets the node's data aside where no node of the shard has better: quotas come from PostgreSQL alone

FOLDER is the data folder of a stopped node (where nodes.conf lies); run as its owner. Without --apply nothing is changed.
--peer is any running node of another shard; REDISCLI_AUTH and the options of redis-cli (--user, --tls, --cacert, --cert,
--key) say how to come in: the user "operator" may ask what is asked. --no-peer: the whole cluster is down.

Exit: 0 sound or done, 1 damaged, or refused for the reason that is printed, 2 the command line is wrong.
TEXT
}

main() {
  case ${1-} in -h | --help) usage; exit 0 ;; esac
  command=${1-}
  [ $# -gt 0 ] && shift
  case $command in
    check | cut-tail | empty | from-archive | anew) ;;
    *) wrong_call "Unknown command \"$command\"" ;;
  esac
  [ $# -gt 0 ] || wrong_call "$command needs the data folder of a node"
  folder=${1%/}
  shift
  archive=
  if [ "$command" = from-archive ]; then
    case ${1-} in "" | -*) wrong_call "from-archive needs the RDB file to restore from" ;; esac
    archive=$1
    shift
  fi
  apply= peer=
  while [ $# -gt 0 ]; do
    case $1 in
      --apply) apply=yes ;;
      --no-peer) peer=none ;;
      --peer)
        case ${2-} in ?*:[0-9]*) peer=$2 ;; *) wrong_call "--peer needs HOST:PORT" ;; esac
        shift
        ;;
      --) shift; break ;;
      *) wrong_call "Unknown option \"$1\"" ;;
    esac
    shift
  done
  case $command-$apply-$peer in
    check--) ;;
    check-*) wrong_call "check takes no options: it changes nothing" ;;
    cut-tail-*-?*) wrong_call "cut-tail asks nobody: leave --peer out" ;;
    empty-*- | empty-*-none) wrong_call "empty needs --peer: a node may be emptied only while another serves its shard" ;;
    from-archive-*- | anew-*-) wrong_call "$command needs --peer, or --no-peer if the whole cluster is down" ;;
  esac
  take_hold
  case $command in
    check) check ;;
    cut-tail) cut_tail ;;
    empty) empty "$@" ;;
    from-archive) from_archive "$@" ;;
    anew) anew "$@" ;;
  esac
}

# From here to the end of the script the node cannot start either: it takes the same lock on its nodes.conf.
take_hold() {
  for program in redis-check-aof redis-check-rdb redis-cli flock timeout; do
    command -v "$program" >/dev/null || refuse "$program is not installed (Debian: redis-tools, util-linux, coreutils)."
  done
  nodes=$folder/nodes.conf
  [ -f "$nodes" ] || refuse "$folder is no data folder of a cluster node: there is no nodes.conf in it."
  [ -O "$nodes" ] ||
    refuse "$folder belongs to another user, who could not read what you write: runuser -u $(stat -c %U "$nodes") -- $0 …"
  exec 9<"$nodes"
  flock -n 9 || refuse "A node runs on $folder: stop it first, and keep its supervisor from starting it again."
  self=$(awk '$3 ~ /myself/ { print $1 }' "$nodes")
  address=$(awk '$3 ~ /myself/ { sub(/@.*/, "", $2); print $2 }' "$nodes")
  [ -n "$self" ] || refuse "$nodes does not say which node this is: it is damaged, too. Join the node as a new one."
  # Versions that write a new nodes.conf in place of the old one lose the lock.
  for process in /proc/[0-9]*; do
    if [ "$process/cwd" -ef "$folder" ] && grep -Eqs '^(redis|valkey)-server' "$process/comm"; then
      refuse "Process ${process#/proc/} is a node that runs on $folder: stop it first."
    fi
  done
  append_only=$folder/appendonlydir
  manifest=$append_only/appendonly.aof.manifest
  aside=$folder/set-aside-$(date -u +%Y%m%dT%H%M%SZ)-$$
}

check() {
  role=$(awk '$3 ~ /myself/ { print $3 ~ /master/ ? "a master" : "a replica" }' "$nodes")
  say "node     $self at $address, $role when it stopped"
  inspect
  say "file     $found"
  if [ -f "$folder/dump.rdb" ]; then say "archive  $folder/dump.rdb: $(archive_state "$folder/dump.rdb")"; fi
  case $state in
    sound)
      say "next     start the node"
      ;;
    cut-off)
      say "next     if more is missing than the last second can have written, and another node of the shard is alive: empty"
      say "         otherwise start the node: it loads what can be read (cut-tail does the same, and keeps the rest)"
      ;;
    damaged-last)
      say "next     another node of the shard is alive: empty"
      say "         none is: cut-tail, and if too much comes after the fault, from-archive or anew"
      ;;
    unreadable)
      say "next     another node of the shard is alive: empty"
      say "         none is: from-archive, or anew"
      ;;
  esac
  [ "$state" = sound ] || exit 1
}

# Sets state (sound, cut-off, damaged-last, unreadable), found (a sentence), and for faults in the last file: last_file,
# fault_at and unread, in bytes.
inspect() {
  if [ ! -f "$manifest" ]; then
    state=unreadable
    found="$manifest is missing. DO NOT START the node: it would start empty."
    return
  fi
  if said=$(redis-check-aof "$manifest" 2>&1 </dev/null); then
    state=sound
    found="all files that the manifest names can be read, $(du -sk "$append_only" | cut -f1) KiB"
    return
  fi
  last_file=$(awk '$1 == "file" && $6 == "i" { name = $2 } END { print name }' "$manifest")
  figures=$(say "$said" | tail -n 2 | sed -n 's/,//g; s/^AOF analyzed: filename=\(.*\) size=\(.*\) ok_up_to=\(.*\) ok_up.* diff=/\1 \2 \3 /p')
  fault_file=${figures%% *}
  set -- ${figures#* }
  if [ -z "$figures" ] || [ "$fault_file" != "$last_file" ] || [ "$3" = 0 ]; then
    state=unreadable
    found="not readable, and not to be mended by cutting: $(say "$said" | grep -v '^\[info\]' | tail -n 3 | tr '\n' ' ')"
    return
  fi
  fault_at=$2 unread=$3
  found="$last_file can be read up to byte $2 of $1; $3 bytes ($((($3 * 100 + $1 - 1) / $1)) %) come after"
  # What Redis takes for the end of the file, too, and starts with (aof-load-truncated).
  if say "$said" | grep -E '^0x|format error' | grep -Eqv 'Expected to read .* bytes, got|Reached EOF'; then
    state=damaged-last
    found="$found the fault. Redis refuses to start."
  else
    state=cut-off
    found="$found the last whole command. Redis starts without them."
  fi
}

cut_tail() {
  inspect
  say "file     $found"
  case $state in
    sound) refuse "There is nothing to cut: start the node." ;;
    unreadable) refuse "Cutting does not help: see \"$0 check $folder\"." ;;
  esac
  say "cut      $unread bytes from byte $fault_at of $last_file, kept as $aside/$last_file.from-$fault_at"
  only_if_applied
  mkdir "$aside"
  tail -c "+$((fault_at + 1))" "$append_only/$last_file" >"$aside/$last_file.from-$fault_at"
  sync "$aside/$last_file.from-$fault_at"
  echo y | redis-check-aof --fix "$manifest" >/dev/null
  inspect
  [ "$state" = sound ] || refuse "redis-check-aof --fix did not mend it: $found"
  say "done     $found. Start the node."
}

empty() {
  look_at_shard "$@"
  case $head-$head_alive in
    "$self"-*)
      [ -n "$mate" ] || refuse "No other node of the shard is alive to copy from: cut-tail, from-archive, or anew."
      refuse "This node owns its slots still, and $mate would copy its emptiness. Wait until $mate is promoted, or say there: CLUSTER FAILOVER TAKEOVER."
      ;;
    *-0) refuse "$head_address, which owns the slots, is not alive: bring it back first, or use from-archive here." ;;
  esac
  say "shard    served by $head_address ($head): this node copies everything from there when it starts"
  say "aside    $append_only and dump.rdb go to $aside"
  only_if_applied
  set_aside
  say "done     Start the node, and see that it follows $head_address."
}

from_archive() {
  [ -f "$archive" ] || refuse "There is no file $archive."
  archive_state=$(archive_state "$archive")
  say "archive  $archive: $archive_state"
  case $archive_state in sound*) ;; *) refuse "Take an older archive: this one cannot be read." ;; esac
  only_where_nobody_serves "$@"
  say "aside    $append_only goes to $aside"
  only_if_applied
  # Made beside what it replaces and read once before it does. Redis opens a new file for what comes after it.
  mkdir "$aside" "$aside/restored"
  cp "$archive" "$aside/restored/appendonly.aof.1.base.rdb"
  echo "file appendonly.aof.1.base.rdb seq 1 type b" >"$aside/restored/appendonly.aof.manifest"
  sync "$aside/restored"/*
  redis-check-aof "$aside/restored/appendonly.aof.manifest" >/dev/null 2>&1 ||
    refuse "The copy in $aside/restored cannot be read: is the disk full, or failing?"
  if [ -e "$append_only" ]; then mv "$append_only" "$aside/"; fi
  mv "$aside/restored" "$append_only"
  sync "$folder"
  say "done     Start the node. Then: sluice recover verify"
}

anew() {
  only_where_nobody_serves "$@"
  say "aside    $append_only and dump.rdb go to $aside"
  only_if_applied
  set_aside
  say "done     Start the node. Then: sluice recover verify"
}

only_where_nobody_serves() {
  if [ "$peer" = none ]; then
    say "shard    nobody was asked: if any node of the shard is alive, stop here and use empty"
  else
    look_at_shard "$@"
    [ -z "$mate" ] || refuse "$mate of this shard is alive, and has better: use empty."
    say "shard    no other node of it is alive"
    [ "$head" = "$self" ] ||
      say "         this was a replica, and is promoted when it has started: start $head_address only after that, emptied"
  fi
}

set_aside() {
  mkdir "$aside"
  for name in appendonlydir dump.rdb; do
    if [ -e "$folder/$name" ]; then mv "$folder/$name" "$aside/"; fi
  done
  sync "$folder"
}

# As the peer sees it. Sets head (id of the node that owns the slots), head_address, head_alive (0 or 1), and mate: the
# address of another node of the shard that is alive, or nothing.
look_at_shard() {
  view=$(timeout 10 redis-cli -h "${peer%:*}" -p "${peer##*:}" --no-auth-warning "$@" CLUSTER NODES 2>&1 </dev/null) || true
  case $view in
    *myself,*) ;;
    *) refuse "$peer does not say how the cluster is: $view" ;;
  esac
  slot=$(awk '$3 ~ /myself/ { print $9 == "" ? -1 : $9 + 0 }' "$nodes")
  judged=$(say "$view" | awk -v self="$self" -v slot="$slot" '
    { address[$1] = $2; sub(/@.*/, "", address[$1]); follows[$1] = $4
      alive[$1] = $8 == "connected" && $3 !~ /(^|,)(fail\??|noaddr|handshake)(,|$)/
      for (field = 9; field <= NF; field++) if ($field !~ /^\[/) {
        owns[$1] = 1; split($field, range, "-")
        if (slot >= range[1] && slot <= (range[2] == "" ? range[1] : range[2])) owner = $1
      } }
    END {
      if (!(self in address)) exit
      # A master that lost its slots belongs to the shard of the node that has them now.
      head = follows[self] != "-" ? follows[self] : owns[self] || owner == "" ? self : owner
      for (id in address) if (id != self && alive[id] && (id == head || follows[id] == head)) mate = address[id]
      print head, address[head], alive[head] + 0, mate
    }')
  [ -n "$judged" ] || refuse "$peer does not know this node ($self): name a node of the same cluster."
  set -- $judged
  head=$1 head_address=$2 head_alive=$3 mate=${4-}
}

archive_state() {
  if said=$(redis-check-rdb "$1" 2>&1 </dev/null); then
    written=$(say "$said" | sed -n "s/.*AUX FIELD ctime = '\([0-9]*\)'.*/\1/p")
    keys=$(say "$said" | sed -n 's/^\[info\] \([0-9]*\) keys read/\1/p')
    say "sound, $keys keys, written $(date -u -d "@$written" '+%Y-%m-%d %H:%M:%S') UTC"
  else
    say "not readable: $(say "$said" | grep '^\[offset' | tail -n 1)"
  fi
}

only_if_applied() {
  if [ -z "$apply" ]; then
    say "so far   nothing was changed. The same again with --apply does it."
    exit 0
  fi
}

say() { printf '%s\n' "$1"; }

refuse() {
  printf 'restore-node: %s\n' "$1" >&2
  exit 1
}

wrong_call() {
  printf 'restore-node: %s. See: %s --help\n' "$1" "$0" >&2
  exit 2
}

main "$@"
