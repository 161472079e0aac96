package secretsmanager

import (
	"context"
	"crypto/rand"
	"fmt"
	"math/big"
	"strings"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
)

// The characters of passwords. Source: Secrets Manager API Reference, GetRandomPassword.
const (
	lowercase   = "abcdefghijklmnopqrstuvwxyz"
	uppercase   = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	letters     = lowercase + uppercase
	digits      = "0123456789"
	punctuation = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"

	defaultLength = 32
	maxLength     = 4096
)

// recipe says how a password is made.
type recipe struct {
	Length     *int   `json:"PasswordLength"` // nil: defaultLength
	Exclude    string `json:"ExcludeCharacters"`
	NoLower    bool   `json:"ExcludeLowercase"`
	NoUpper    bool   `json:"ExcludeUppercase"`
	NoNumbers  bool   `json:"ExcludeNumbers"`
	NoMarks    bool   `json:"ExcludePunctuation"`
	Space      bool   `json:"IncludeSpace"`
	EachOfThem *bool  `json:"RequireEachIncludedType"` // nil: true
}

// password makes a password, with a character of each kind unless the recipe says that it need not.
func (p recipe) password() (string, error) {
	var kinds []string
	for kind, out := range map[string]bool{lowercase: p.NoLower, uppercase: p.NoUpper, digits: p.NoNumbers, punctuation: p.NoMarks, " ": !p.Space} {
		kind = strings.Map(func(c rune) rune {
			if strings.ContainsRune(p.Exclude, c) {
				return -1
			}
			return c
		}, kind)
		if !out && kind != "" {
			kinds = append(kinds, kind)
		}
	}
	length := defaultLength
	if p.Length != nil {
		length = *p.Length
	}
	each := p.EachOfThem == nil || *p.EachOfThem
	switch {
	case len(kinds) == 0:
		return "", invalidParameter("The password has no characters left: ExcludeCharacters and the other exclusions leave none.")
	case length < 1 || length > maxLength:
		return "", invalidParameter("PasswordLength must be between 1 and %d.", maxLength)
	case each && length < len(kinds):
		return "", invalidParameter("The password length %d is too short for one character of each of %d types; RequireEachIncludedType asks for that.", length, len(kinds))
	}
	text := []byte(random(length, strings.Join(kinds, "")))
	if each {
		places := permutation(length)
		for i, kind := range kinds {
			text[places[i]] = random(1, kind)[0]
		}
	}
	return string(text), nil
}

func (r *Room) randomPassword(_ context.Context, _ *protocol.Call, in recipe) (any, error) {
	text, err := in.password()
	if err != nil {
		return nil, err
	}
	return map[string]any{"RandomPassword": text}, nil
}

// random is text of n characters out of an alphabet.
func random(n int, alphabet string) string {
	text := make([]byte, n)
	for i := range text {
		text[i] = alphabet[below(len(alphabet))]
	}
	return string(text)
}

// below is a random number from 0 to n-1.
func below(n int) int {
	i, _ := rand.Int(rand.Reader, big.NewInt(int64(n))) // crypto/rand.Reader never fails
	return int(i.Int64())
}

// permutation is the numbers from 0 to n-1 in a random order.
func permutation(n int) []int {
	out := make([]int, n)
	for i := range out {
		j := below(i + 1)
		out[i], out[j] = out[j], i
	}
	return out
}

func uuid() string {
	var b [16]byte
	rand.Read(b[:]) //nolint:errcheck // crypto/rand.Read never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
