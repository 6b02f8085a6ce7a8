# What the data steps hold in memory as their input grows, each in a process of its
# own; no server, but room for the files. SIZES are those of the CSV, in GB.
go build -o "$out/memory-steps" ./bench/memory
beat "data steps on files of ${SIZES:-1,2} GB" into "$out/memory.jsonl" "$out/memory-steps" -sizes "${SIZES:-1,2}" -limit "${LIMIT:-96}" -dir "$out"
