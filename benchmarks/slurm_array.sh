#!/bin/sh
# One small sweep three ways: by this process, by `sweep run` chunk after chunk, and as an array of a real SLURM on one
# node, which this script configures in a folder of its own, starts without systemd, and takes down. The records have to
# agree in every bit. Needs root and Debian's packages; with --install it installs them first.
#
#     sh benchmarks/slurm_array.sh [--install]
#
# PYTHON names the interpreter that has escape-ntk (python by default). Status 1 when records differ.
set -eu

[ "${1:-}" = "--install" ] && apt-get install -y --no-install-recommends slurmctld slurmd slurm-client munge
PYTHON=${PYTHON:-python}
WORK=$(mktemp -d /tmp/slurm-array-XXXXXX)
SWEEP="--claims S3 --out"
export SLURM_CONF="$WORK/slurm.conf"

end() {
    status=$?
    trap - EXIT INT TERM
    for name in slurmd slurmctld munged; do
        if [ -s "$WORK/$name.pid" ]; then kill "$(cat "$WORK/$name.pid")" 2>/dev/null || true; fi
    done
    sleep 2
    [ "$status" -eq 0 ] || tail -n 20 "$WORK"/*.log "$WORK"/slurm-*.out >&2 2>/dev/null || true
    rm -rf "$WORK"
    exit "$status"
}
trap end EXIT INT TERM

say() { printf '%s\n' "$*"; }
escape_ntk() { "$PYTHON" -m verify "$@"; }

chmod 755 "$WORK"
mkdir "$WORK/state" "$WORK/spool"
cat >"$SLURM_CONF" <<CONF
ClusterName=one
SlurmctldHost=$(hostname -s)(127.0.0.1)
SlurmctldPort=16817
SlurmdPort=16818
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket=$WORK/munge.socket
StateSaveLocation=$WORK/state
SlurmdSpoolDir=$WORK/spool
SlurmctldPidFile=$WORK/slurmctld.pid
SlurmdPidFile=$WORK/slurmd.pid
SlurmctldLogFile=$WORK/slurmctld.log
SlurmdLogFile=$WORK/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
MpiDefault=none
ReturnToService=2
NodeName=$(hostname -s) NodeAddr=127.0.0.1 CPUs=$(getconf _NPROCESSORS_ONLN) State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES MaxTime=1:00:00 State=UP
CONF

dd if=/dev/urandom of="$WORK/munge.key" bs=1024 count=1 2>/dev/null
chmod 600 "$WORK/munge.key"
munged --force --key-file="$WORK/munge.key" --socket="$WORK/munge.socket" --pid-file="$WORK/munged.pid" \
    --log-file="$WORK/munged.log" --seed-file="$WORK/munged.seed"
slurmctld
slurmd
for _ in $(seq 60); do
    sinfo --noheader --format=%T 2>/dev/null | grep -q idle && break
    sleep 1
done
say "SLURM $(sinfo --version | cut -d' ' -f2), node $(sinfo --noheader --format='%n %T %c CPUs')"
say "MaxArraySize $(scontrol show config | awk '/MaxArraySize/ {print $3}')"

# shellcheck disable=SC2086  # two words
escape_ntk sweep plan --chunks 4 $SWEEP "$WORK/array"
cp -r "$WORK/array" "$WORK/chunks"
cat >"$WORK/chunk.sh" <<JOB
#!/bin/sh
#SBATCH --cpus-per-task=1 --time=00:20:00 --requeue
exec "$PYTHON" -m verify sweep run "$WORK/array/plan/\$SLURM_ARRAY_TASK_ID.json"
JOB
job=$(sbatch --parsable --array=0-3 --chdir="$WORK" --output="$WORK/slurm-%a.out" "$WORK/chunk.sh")
say "array job $job: 4 tasks"
while [ -n "$(squeue --noheader --job "$job" 2>/dev/null)" ]; do sleep 1; done
cat "$WORK"/slurm-*.out
escape_ntk sweep collect "$WORK/array"

for chunk in 0 1 2 3; do escape_ntk sweep run "$WORK/chunks/plan/$chunk.json" --workers 1; done
escape_ntk sweep collect "$WORK/chunks"
# shellcheck disable=SC2086
escape_ntk verify $SWEEP "$WORK/alone" --workers 1 >/dev/null

"$PYTHON" - "$WORK" <<'COMPARE'
import sqlite3
import sys


def content(name):
    with sqlite3.connect(f"{sys.argv[1]}/{name}/records.sqlite") as connection:
        return set(connection.execute("SELECT key, specification, numbers, fingerprint FROM records"))


alone = content("alone")
differ = {name: len(content(name) ^ alone) for name in ("array", "chunks")}
print(f"records: {len(alone)}; that differ: {differ['array']} by the array, {differ['chunks']} by chunks")
sys.exit(any(differ.values()) or not alone)
COMPARE
