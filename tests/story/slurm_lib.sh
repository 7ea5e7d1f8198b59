# A real Slurm for stories, on top of house_lib.sh: slurmctld and slurmd without systemd or cgroups, in $work/slurm, on
# ports of its own. Needs root (slurmd does). Everything is ended by its pid file.
slurm=$work/slurm
export SLURM_CONF=$slurm/slurm.conf

slurm_lacks() { # says what is missing for it; false: nothing
  [ "$(id -u)" = 0 ] || { echo "it needs root"; return 0; }
  local p
  for p in slurmctld slurmd sbatch squeue munged; do command -v $p >/dev/null || { echo "there is no $p (tools/install-deps test)"; return 0; }; done
  return 1
}
free_ports() { # free_ports COUNT: so many in a row that nobody listens on; prints the first
  local at
  while :; do
    at=$((20000 + RANDOM % 12000))
    ss -Hltn | awk '{sub(/.*:/,"",$4);print $4}' | awk -v a=$at -v n="$1" '$1>=a&&$1<a+n{bad=1}END{exit bad}' && { echo $at; return; }
  done
}
munge_up() {
  [ -S /run/munge/munge.socket.2 ] && munge -n >/dev/null 2>&1 && return
  install -d -o munge -g munge /run/munge /var/log/munge /var/lib/munge
  [ -s /etc/munge/munge.key ] || { (umask 077; head -c 128 /dev/urandom >/etc/munge/munge.key); chown munge:munge /etc/munge/munge.key; }
  runuser -u munge -- munged && until_true 10 munge -n
}
slurm_conf() { # slurm_conf ADDRESS PORT: what all share; nodes and partitions are added to it
  cat <<C
ClusterName=story
SlurmctldHost=$(hostname -s)($1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
CredType=cred/munge
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
ReturnToService=2
SlurmctldPidFile=$slurm/run/slurmctld.pid
SlurmdPidFile=$slurm/run/slurmd.%n.pid
SlurmdSpoolDir=$slurm/spool/%n
StateSaveLocation=$slurm/state
SlurmctldLogFile=$slurm/log/slurmctld.log
SlurmdLogFile=$slurm/log/slurmd.%n.log
SlurmctldPort=$2
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=0,sched_min_interval=100000,sched_interval=5
SlurmdParameters=config_overrides
AccountingStorageType=accounting_storage/none
MinJobAge=10
SlurmdTimeout=10
KillWait=2
C
}
slurm_up() { # slurm_up COUNT: that many nodes n1.. of SLURM_CPUS (2) cores on this host
  mkdir -p "$slurm"/{state,log,run,spool}
  munge_up || return 1
  local first i; first=$(free_ports $(($1 + 1)))
  { slurm_conf 127.0.0.1 "$first"
    echo "NodeName=n[1-$1] NodeHostname=$(hostname -s) NodeAddr=127.0.0.1 Port=[$((first + 1))-$((first + $1))] CPUs=${SLURM_CPUS:-2} RealMemory=1000"
    echo "PartitionName=farm Nodes=ALL Default=YES MaxTime=INFINITE State=UP"; } >"$SLURM_CONF"
  slurmctld -f "$SLURM_CONF" -c || return 1
  for i in $(seq "$1"); do slurmd -f "$SLURM_CONF" -N "n$i" || return 1; done
  until_true 30 nodes_idle "$1"
}
nodes_idle() { [ "$(sinfo -h -N -t idle -o %N | wc -l)" = "$1" ]; }
slurm_down() {
  [ -d "$slurm" ] || return 0
  scancel --user=root 2>/dev/null
  local p
  for p in "$slurm"/run/*.pid; do [ -f "$p" ] && kill -9 "$(cat "$p")" 2>/dev/null; done
  # What a node that was killed left running.
  for p in $(slurm_pids); do kill -9 "$p" 2>/dev/null; done
  # slurmstepd writes over its environment, but works in the folder of the logs.
  for p in /proc/[0-9]*; do [[ $(readlink "$p/cwd" 2>/dev/null) == "$slurm"/* ]] && kill -9 "${p#/proc/}" 2>/dev/null; done
}
slurm_pids() { # processes that were started by this Slurm: its folder is in their environment
  grep -lzF "SLURM_CONF=$SLURM_CONF" /proc/[0-9]*/environ 2>/dev/null | sed 's/[^0-9]//g' | while read -r p; do
    grep -qz '^SLURM_JOB_ID=' "/proc/$p/environ" 2>/dev/null && echo "$p"; done
}
