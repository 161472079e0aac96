package contract

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"slices"
	"strings"
)

// Tag is the identity of the image that r describes: 64 hexadecimal digits, the SHA-256 of a canonical encoding of
// everything that decides what is built. It is used at synth when no input is a token and by the handler always; both
// give the same tag, since a Text counts by its bytes and not by its parts. The parts that r.Ignore names are left
// out. Names and places (project, repository, bucket) and times are no part of it.
//
// Errors are those of Text.Bytes.
func Tag(r Request) (string, error) {
	e := encoder{hash: sha256.New(), ignore: r.Ignore}
	e.text("tokendocker")
	e.text(Version)
	e.field("source", "", r.Source.Hash)
	e.field("file", "file", defaulted(r.Dockerfile, "Dockerfile"))
	e.field("target", "target", r.Target)
	e.field("platform", "platform", defaulted(r.Platform, DefaultPlatform))
	e.field("network", "networkMode", defaulted(r.Network, "default"))
	e.arguments("args", "buildArgs", r.Args)
	e.references("secrets", "buildSecrets", r.Secrets)
	e.references("ssh", "buildSsh", r.SSH)
	e.texts("install", r.Install)
	e.texts("prebuild", r.PreBuild)
	e.arguments("environment", "", r.Environment)
	e.field("image", "", r.BuildImage)
	e.field("replicas", "", slices.Sorted(slices.Values(r.Replicas))...)
	e.field("cachedisabled", "", r.CacheDisabled)
	e.extra(r.ExtraHash)
	if e.err != nil {
		return "", fmt.Errorf("identity: %w", e.err)
	}
	return hex.EncodeToString(e.hash.Sum(nil)), nil
}

// encoder writes the canonical encoding: a field is its name, the number of its values and the values, each text
// preceded by its length in 8 bytes, big-endian. An empty field is left out, so that a field that a later release adds
// does not change the tags of those who do not use it.
type encoder struct {
	hash   hash.Hash
	ignore []string
	err    error // the first error
}

func (e *encoder) text(s string) {
	var length [8]byte
	binary.BigEndian.PutUint64(length[:], uint64(len(s)))
	e.hash.Write(length[:])
	e.hash.Write([]byte(s))
}

// field writes a field unless it is empty or switched off under the name off.
func (e *encoder) field(name, off string, values ...string) {
	if slices.Contains(e.ignore, off) || len(values) == 0 || len(values) == 1 && values[0] == "" {
		return
	}
	e.text(name)
	e.text(fmt.Sprint(len(values)))
	for _, value := range values {
		e.text(value)
	}
}

func (e *encoder) arguments(name, off string, arguments []Argument) {
	sorted := slices.SortedFunc(slices.Values(arguments), func(a, b Argument) int { return strings.Compare(a.Name, b.Name) })
	var values []string
	for _, argument := range sorted {
		value, err := argument.Bytes()
		e.keep(err)
		values = append(values, argument.Name, string(value))
	}
	e.field(name, off, values...)
}

func (e *encoder) references(name, off string, references []Reference) {
	sorted := slices.SortedFunc(slices.Values(references), func(a, b Reference) int { return strings.Compare(a.ID, b.ID) })
	var values []string
	for _, reference := range sorted {
		values = append(values, reference.ID, reference.From, reference.Name)
	}
	e.field(name, off, values...)
}

// texts writes a list of texts in its order. A list of one empty text is no list of none.
func (e *encoder) texts(name string, texts []Text) {
	if len(texts) == 0 {
		return
	}
	values := []string{""}
	for i, text := range texts {
		value, err := text.Bytes()
		if err != nil {
			e.keep(fmt.Errorf("%s command %d: %w", name, i+1, err))
		}
		values = append(values, string(value))
	}
	e.field(name, "", values...)
}

func (e *encoder) extra(text Text) {
	value, err := text.Bytes()
	if err != nil {
		e.keep(fmt.Errorf("extra hash: %w", err))
	}
	e.field("extra", "extraHash", string(value))
}

func (e *encoder) keep(err error) {
	if e.err == nil {
		e.err = err
	}
}

// defaulted is s, or otherwise where s is empty.
func defaulted(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}
