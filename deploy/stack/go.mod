module github.com/esteira-ml/esteira/deploy/stack

go 1.26.0
