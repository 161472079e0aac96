package asl

import (
	"crypto/md5"  //nolint:gosec // States.Hash offers it
	"crypto/sha1" //nolint:gosec // States.Hash offers it
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
)

// maxBase64 is how long a string States.Base64* and States.Hash take (Developer Guide, "Intrinsics").
const maxBase64 = 10000

// intrinsics are the functions by name. Source: Developer Guide, "Intrinsics for JSONPath states in Step Functions".
//
//nolint:gochecknoglobals // a constant
var intrinsics = map[string]func([]any) (any, error){
	"States.Array":          func(a []any) (any, error) { return a, nil },
	"States.ArrayPartition": arrayPartition,
	"States.ArrayContains":  arrayContains,
	"States.ArrayRange":     arrayRange,
	"States.ArrayGetItem":   arrayGetItem,
	"States.ArrayLength":    arrayLength,
	"States.ArrayUnique":    arrayUnique,
	"States.Base64Encode":   base64Encode,
	"States.Base64Decode":   base64Decode,
	"States.Hash":           hashOf,
	"States.JsonMerge":      jsonMerge,
	"States.StringToJson":   stringToJSON,
	"States.JsonToString":   jsonToString,
	"States.MathRandom":     mathRandom,
	"States.MathAdd":        mathAdd,
	"States.StringSplit":    stringSplit,
	"States.UUID":           newUUID,
	"States.Format":         format,
}

var errArguments = errors.New("wrong number or kind of arguments")

func arrayAndNumber(args []any) ([]any, int64, error) {
	if len(args) != 2 {
		return nil, 0, errArguments
	}
	l, ok := args[0].([]any)
	n, okNumber := whole(args[1])
	if !ok || !okNumber {
		return nil, 0, errArguments
	}
	return l, n, nil
}

func arrayPartition(args []any) (any, error) {
	l, n, err := arrayAndNumber(args)
	if err != nil || n < 1 {
		return nil, errArguments
	}
	out := []any{}
	for chunk := range slices.Chunk(l, int(min(n, math.MaxInt32))) {
		out = append(out, chunk)
	}
	return out, nil
}

func arrayContains(args []any) (any, error) {
	if len(args) != 2 {
		return nil, errArguments
	}
	l, ok := args[0].([]any)
	if !ok {
		return nil, errArguments
	}
	return slices.ContainsFunc(l, func(e any) bool { return equal(e, args[1]) }), nil
}

func arrayRange(args []any) (any, error) {
	if len(args) != 3 {
		return nil, errArguments
	}
	first, ok1 := whole(args[0])
	last, ok2 := whole(args[1])
	step, ok3 := whole(args[2])
	if !ok1 || !ok2 || !ok3 || step == 0 {
		return nil, errArguments
	}
	steps := (float64(last) - float64(first)) / float64(step)
	if steps >= 1000 {
		return nil, errors.New("the array would have more than 1000 elements")
	}
	out := []any{}
	for n := range int64(math.Floor(steps)) + 1 { // counted, as a sum could pass the largest number
		out = append(out, first+n*step)
	}
	return out, nil
}

func arrayGetItem(args []any) (any, error) {
	l, n, err := arrayAndNumber(args)
	if err != nil {
		return nil, err
	}
	if n < 0 || n >= int64(len(l)) {
		return nil, fmt.Errorf("the index %d is out of the array's bounds", n)
	}
	return l[n], nil
}

func arrayLength(args []any) (any, error) {
	if len(args) != 1 {
		return nil, errArguments
	}
	l, ok := args[0].([]any)
	if !ok {
		return nil, errArguments
	}
	return int64(len(l)), nil
}

func arrayUnique(args []any) (any, error) {
	if len(args) != 1 {
		return nil, errArguments
	}
	l, ok := args[0].([]any)
	if !ok {
		return nil, errArguments
	}
	out := []any{}
	for _, e := range l {
		if !slices.ContainsFunc(out, func(o any) bool { return equal(o, e) }) {
			out = append(out, e)
		}
	}
	return out, nil
}

// texts returns n string arguments.
func texts(args []any, n int) ([]string, error) {
	if len(args) != n {
		return nil, errArguments
	}
	out := make([]string, n)
	for i, a := range args {
		s, ok := a.(string)
		if !ok {
			return nil, errArguments
		}
		out[i] = s
	}
	return out, nil
}

func base64Encode(args []any) (any, error) {
	s, err := texts(args, 1)
	if err != nil || len(s[0]) > maxBase64 {
		return nil, errArguments
	}
	return base64.StdEncoding.EncodeToString([]byte(s[0])), nil
}

func base64Decode(args []any) (any, error) {
	s, err := texts(args, 1)
	if err != nil || len(s[0]) > maxBase64 {
		return nil, errArguments
	}
	b, err := base64.StdEncoding.DecodeString(s[0])
	return strings.ToValidUTF8(string(b), "\uFFFD"), err
}

func hashOf(args []any) (any, error) {
	if len(args) != 2 {
		return nil, errArguments
	}
	name, ok := args[1].(string)
	makers := map[string]func() hash.Hash{"MD5": md5.New, "SHA-1": sha1.New, "SHA-256": sha256.New, "SHA-384": sha512.New384, "SHA-512": sha512.New}
	maker := makers[name]
	if !ok || maker == nil {
		return nil, errors.New("the algorithm is not one of MD5, SHA-1, SHA-256, SHA-384, SHA-512")
	}
	data, ok := args[0].(string)
	if !ok {
		data = Encode(args[0])
	}
	if len(data) > maxBase64 {
		return nil, errArguments
	}
	h := maker()
	h.Write([]byte(data))
	return hex.EncodeToString(h.Sum(nil)), nil
}

func jsonMerge(args []any) (any, error) {
	if len(args) != 3 {
		return nil, errArguments
	}
	a, ok1 := args[0].(map[string]any)
	b, ok2 := args[1].(map[string]any)
	if deep, ok := args[2].(bool); !ok1 || !ok2 || !ok || deep {
		return nil, errors.New("it takes two objects and false: only shallow merging is supported")
	}
	out := map[string]any{}
	for _, m := range []map[string]any{a, b} {
		for k, v := range m {
			out[k] = v
		}
	}
	return out, nil
}

func stringToJSON(args []any) (any, error) {
	s, err := texts(args, 1)
	if err != nil {
		return nil, err
	}
	if s[0] == "" {
		return nil, nil
	}
	return Decode([]byte(s[0]))
}

func jsonToString(args []any) (any, error) {
	if len(args) != 1 {
		return nil, errArguments
	}
	return Encode(args[0]), nil
}

func mathRandom(args []any) (any, error) {
	if len(args) != 2 && len(args) != 3 {
		return nil, errArguments
	}
	from, ok1 := whole(args[0])
	to, ok2 := whole(args[1])
	if !ok1 || !ok2 || to <= from || to-from <= 0 {
		return nil, errArguments
	}
	if len(args) == 3 {
		seed, ok := whole(args[2])
		if !ok {
			return nil, errArguments
		}
		return from + rand.New(rand.NewPCG(uint64(seed), 0)).Int64N(to-from), nil //nolint:gosec // a seeded sequence is asked for
	}
	return from + rand.Int64N(to-from), nil //nolint:gosec // no secret
}

func mathAdd(args []any) (any, error) {
	if len(args) != 2 {
		return nil, errArguments
	}
	a, ok1 := whole(args[0])
	b, ok2 := whole(args[1])
	if !ok1 || !ok2 {
		return nil, errArguments
	}
	return a + b, nil
}

func stringSplit(args []any) (any, error) {
	s, err := texts(args, 2)
	if err != nil || s[1] == "" {
		return nil, errArguments
	}
	out := []any{}
	for _, part := range strings.FieldsFunc(s[0], func(r rune) bool { return strings.ContainsRune(s[1], r) }) {
		out = append(out, part)
	}
	return out, nil
}

func newUUID(args []any) (any, error) {
	if len(args) != 0 {
		return nil, errArguments
	}
	hi, lo := rand.Uint64(), rand.Uint64() //nolint:gosec // no secret
	hi, lo = hi&^0xf000|0x4000, lo&^(3<<62)|1<<63
	return fmt.Sprintf("%08x-%04x-%04x-%04x-%012x", hi>>32, hi>>16&0xffff, hi&0xffff, lo>>48, lo&0xffffffffffff), nil
}

// format fills {} in; \{ and \} stand for braces.
func format(args []any) (any, error) {
	if len(args) == 0 {
		return nil, errArguments
	}
	pattern, ok := args[0].(string)
	if !ok {
		return nil, errArguments
	}
	var b strings.Builder
	next := 1
	for i := 0; i < len(pattern); i++ {
		switch {
		case pattern[i] == '\\' && i+1 < len(pattern) && strings.IndexByte("{}", pattern[i+1]) >= 0:
			i++
			b.WriteByte(pattern[i])
		case strings.HasPrefix(pattern[i:], "{}"):
			if next >= len(args) {
				return nil, errors.New("there are more {} than arguments")
			}
			if s, ok := args[next].(string); ok {
				b.WriteString(s)
			} else {
				b.WriteString(Encode(args[next]))
			}
			next++
			i++
		default:
			b.WriteByte(pattern[i])
		}
	}
	if next != len(args) {
		return nil, errors.New("there are more arguments than {}")
	}
	return b.String(), nil
}

// whole returns a number's value rounded as the functions do it.
func whole(v any) (int64, bool) {
	switch v := v.(type) {
	case int64:
		return v, true
	case float64:
		if math.Abs(v) < math.MaxInt32 {
			return int64(math.Round(v)), true
		}
	}
	return 0, false
}

// equal compares data; 1 and 1.0 are one number.
func equal(a, b any) bool {
	if x, ok := float(a); ok {
		y, ok := float(b)
		return ok && x == y
	}
	return Encode(a) == Encode(b)
}

func float(v any) (float64, bool) {
	switch v := v.(type) {
	case int64:
		return float64(v), true
	case float64:
		return v, true
	}
	return 0, false
}
