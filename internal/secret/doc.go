// Package secret owns what references to secrets stand for: env:NAME and file:PATH.
// References travel through pipeline files, configuration and workflows; what they
// stand for is read where and when it is used, and appears in no error.
package secret
