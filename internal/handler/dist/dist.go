// Package dist holds the function's code as it is shipped: built before, so that a synth needs no compiler and no
// network and gives the same asset on every machine. scripts/handler writes it; a test builds it again and compares.
package dist

import _ "embed"

//go:embed handler.zip
var code []byte

// Zip is the function's code for runtime provided.al2023 and architecture arm64: a zip file with the one file
// "bootstrap". The caller must not change it. SHA256 is its hash.
func Zip() []byte { return code }
