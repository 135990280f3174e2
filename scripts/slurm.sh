#!/usr/bin/env bash
# A Slurm cluster to try things on, of nodes that are all this machine, reachable from nowhere else. It needs no service manager, no
# control groups and no database, and runs as whoever starts it.
#
#   scripts/slurm.sh install          gets Slurm and munge where apt-get is (as root)
#   scripts/slurm.sh up DIR [NODES]   starts one in DIR, whose path is absolute and short; then: export SLURM_CONF=DIR/slurm.conf
#   scripts/slurm.sh node DIR NAME    starts a node of it anew
#   scripts/slurm.sh down DIR         ends its jobs and its daemons
set -euo pipefail
export PATH=$PATH:/usr/sbin:/sbin

wait_until() { # SECONDS COMMAND…
  local end=$((SECONDS + $1))
  shift
  until "$@"; do
    [ $SECONDS -lt $end ] || return 1
    sleep 0.2
  done
}
free_port() { ! (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }
is_up() { [ "$(sinfo --noheader --format='%T %D' 2>/dev/null)" = "idle $1" ]; }
is_idle() { [ -z "$(squeue --noheader 2>/dev/null)" ]; }
is_gone() { [ ! -e "$1" ] || ! kill -0 "$(cat "$1" 2>/dev/null)" 2>/dev/null; }
end() { # PIDFILE
  [ -e "$1" ] || return 0
  kill "$(cat "$1")" 2>/dev/null || true
  wait_until 60 is_gone "$1" || kill -9 "$(cat "$1")" 2>/dev/null || true
}

[ $# -gt 0 ] || set -- help
what=$1 dir=${2:-}
export SLURM_CONF=$dir/slurm.conf
case $what in
install)
  apt-get update -q
  DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends slurm-wlm munge
  ;;
up)
  nodes=${3:-2} user=$(id -un) port=$((20000 + $$ % 20000))
  while ! { free_port $port && free_port $((port + nodes)); }; do port=$((port + 50)); done
  mkdir -p "$dir"/{state,spool,log}
  chmod 755 "$dir"
  (umask 377 && head -c 1024 /dev/urandom >"$dir/munge.key")
  munged --force --key-file="$dir/munge.key" --socket="$dir/munge.socket" --pid-file="$dir/munged.pid" \
    --seed-file="$dir/munge.seed" --log-file="$dir/log/munged"
  # Credentials live for seconds, or a requeued job would wait two minutes for the old one to end. linuxproc needs no control groups.
  cat >"$SLURM_CONF" <<CONF
ClusterName=initlab
SlurmctldHost=localhost
SlurmctldPort=$port
SlurmUser=$user
SlurmdUser=$user
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
AuthInfo=socket=$dir/munge.socket,cred_expire=5
StateSaveLocation=$dir/state
SlurmctldPidFile=$dir/slurmctld.pid
SlurmctldLogFile=$dir/log/slurmctld
SlurmdSpoolDir=$dir/spool/%n
SlurmdPidFile=$dir/slurmd-%n.pid
SlurmdLogFile=$dir/log/slurmd-%n
MailProg=/bin/true
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SlurmdParameters=config_overrides
SchedulerParameters=batch_sched_delay=0,sched_min_interval=100000,bf_interval=2
ReturnToService=2
SlurmdTimeout=10
KillWait=10
MinJobAge=600
MaxArraySize=101
NodeName=n[1-$nodes] NodeHostname=localhost NodeAddr=127.0.0.1 Port=[$((port + 1))-$((port + nodes))] CPUs=2 RealMemory=4000
PartitionName=main Nodes=ALL Default=YES DefaultTime=10 MaxTime=60
CONF
  slurmctld -c
  for i in $(seq "$nodes"); do slurmd -c -N "n$i"; done
  wait_until 120 is_up "$nodes" || { tail -n 20 "$dir"/log/*; exit 1; }
  ;;
node)
  slurmd -c -N "$3"
  ;;
down)
  scancel --user="$(id -un)" 2>/dev/null || true
  wait_until 60 is_idle || true
  # The controller first: it would wait for nodes that are gone.
  end "$dir/slurmctld.pid"
  for pid in "$dir"/slurmd-*.pid; do end "$pid"; done
  end "$dir/munged.pid"
  ;;
*)
  sed -n '2,9s/^# \{0,1\}//p' "$0"
  exit 2
  ;;
esac
