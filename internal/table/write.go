package table

import (
	"context"
	"fmt"
	"os"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/pipeline"
)

// partial is the name of a file that is still being written. It is fixed, for a
// locked engine must be told it before it starts.
func partial(out string) string { return out + ".partial" }

// Write stores the rows of a trusted SELECT as Parquet, in its order. The file
// appears under its name when it is complete; a failed or interrupted call
// leaves nothing. From are the Parquet files that the rows are made of: how long
// rows are there decides how many a row group has.
func (e *Engine) Write(ctx context.Context, query, out string, from ...string) (Info, error) {
	if err := e.writeAny(ctx, query, out, from); err != nil {
		return Info{}, failure(err, fault.Internal, "%s could not be written", out)
	}
	return e.info(ctx, out)
}

// writeAny is Write with the engine's own error and without a look at the result.
func (e *Engine) writeAny(ctx context.Context, query, out string, from []string) error {
	schema, err := e.describe(ctx, query)
	if err != nil {
		return err
	}
	return e.writeDescribed(ctx, query, schema, out, from)
}

// writeDescribed is writeAny of a SELECT of these columns.
func (e *Engine) writeDescribed(ctx context.Context, query string, schema pipeline.Schema, out string, from []string) error {
	restore, err := e.narrowThreads(ctx, len(schema))
	if err != nil {
		return err
	}
	defer restore()
	stripes, err := e.stripes(len(schema), sortedBytes)
	if err != nil {
		return err
	}
	size, err := e.extentOf(ctx, len(schema), e.narrowOf(ctx, from...)...)
	if err != nil {
		return err
	}
	if stripes == 1 {
		return e.write(ctx, query, size, out)
	}
	items := make([]string, len(schema))
	for i, c := range schema {
		items[i] = Ident(c.Name)
	}
	return e.writeStriped(ctx, items, "FROM ("+query+")", size, stripes, out)
}

// write is Write of a table of this extent with the engine's own error and without a look
// at the result.
func (e *Engine) write(ctx context.Context, query string, size extent, out string) error {
	return e.copy(ctx, query, size.layout(), out)
}

// copy is write with the layout's options, each after a comma.
func (e *Engine) copy(ctx context.Context, query, options, out string) error {
	tmp := partial(out)
	defer os.Remove(tmp) // gone already after a success
	err := e.exec(ctx, fmt.Sprintf("COPY (%s\n) TO %s (FORMAT parquet, COMPRESSION zstd, USE_TMP_FILE false%s)", query, Literal(tmp), options))
	if err != nil {
		return err
	}
	return os.Rename(tmp, out)
}

// info reads rows and columns of a Parquet file from its footer.
func (e *Engine) info(ctx context.Context, path string) (Info, error) {
	var info Info
	rows, err := e.query(ctx, "SELECT num_rows::BIGINT FROM parquet_file_metadata("+Literal(path)+")")
	if err != nil {
		return info, failure(err, fault.SourceUnreadable, "%s does not read as parquet", path)
	}
	info.Rows = rows[0][0].(int64)
	info.Schema, err = e.Schema(ctx, path)
	return info, err
}

// Schema returns the columns of a Parquet file.
func (e *Engine) Schema(ctx context.Context, path string) (pipeline.Schema, error) {
	schema, err := e.describe(ctx, "SELECT * FROM "+Scan(path))
	return schema, failure(err, fault.SourceUnreadable, "%s does not read as parquet", path)
}

// describe returns the columns of a SELECT.
func (e *Engine) describe(ctx context.Context, query string) (pipeline.Schema, error) {
	rows, err := e.query(ctx, "DESCRIBE "+query)
	if err != nil {
		return nil, err
	}
	schema := make(pipeline.Schema, len(rows))
	for i, r := range rows {
		schema[i] = column(r[0].(string), r[1].(string))
	}
	return schema, nil
}
