// Package audit owns the promise that no answer leaves without a durable record
// of it.
//
// The server appends a [Record] for every answer to a [Spool], a directory of
// CRC-framed segments on local disk. [Spool.Append] returns only after the
// fdatasync that covers the record; the writers of one moment share one sync
// (group commit). A [Drainer] moves the records to Postgres, and a segment is
// deleted only after the transaction that holds its records has committed. The open
// segment is reserved on the disk from its beginning, so that a sync need not record
// that it grew; the zeros behind its last frame are no tail. The next one is prepared
// while the open one fills, so that no answer waits for a new file.
//
// What is promised, and what is not:
//
//   - A record whose Append returned nil survives the death of the process, of
//     the operating system and of Postgres. It does not survive the loss of the
//     spool's disk.
//   - A record may exist whose answer never arrived: the process died between the
//     sync and the last byte of the answer, or the client went away.
//   - A record reaches the table exactly once. Draining is at-least-once; the
//     record's own identifier makes the second time a no-op.
//   - A write or sync that failed is never tried again on the same file, because
//     the kernel may have dropped the dirty pages: the spool becomes unavailable
//     and stays so until it is opened again, with a new segment. A full disk or
//     spool is different: nothing was promised, and it recovers when there is
//     room.
//
// An endpoint may ask for less ([Spool.AppendBounded]): its answers leave before the
// sync, while at most a declared number of them is not on disk and the oldest has
// not waited longer than declared. What is lost is never silent: after a kill of the
// process the exact number, after a crash of the machine the bound, is declared by a
// record with status 0 whose error begins with "AuditGap:".
//
// One process owns a spool directory, by a lock on a file in it. What the table
// looks like is metadata's; what a request looks like is serving's.
package audit
