package fault

import (
	"encoding/json"
	"fmt"
	"log/slog"
)

// Redacted is text that must not be seen: a response URL, a credential, a secret's value. Whatever prints, logs or
// marshals it gets "[redacted]"; only Reveal gives the text. It is read from a JSON string.
//
// The text stands behind a pointer, because package fmt asks no method of an unexported field and would print a
// string there.
type Redacted struct{ text *string }

// mask stands for the text, also for the empty one, since its length is nobody's business.
const mask = "[redacted]"

// Redact hides text.
func Redact(text string) Redacted { return Redacted{&text} }

// Reveal gives the text itself. Its uses are counted by a test.
func (r Redacted) Reveal() string {
	if r.text == nil {
		return ""
	}
	return *r.text
}

// String gives the mask.
func (r Redacted) String() string { return mask }

// GoString gives the mask for %#v.
func (r Redacted) GoString() string { return mask }

// Format writes the mask whatever the verb is, %x and %d too.
func (r Redacted) Format(state fmt.State, _ rune) { _, _ = state.Write([]byte(mask)) }

// LogValue gives the mask to log/slog.
func (r Redacted) LogValue() slog.Value { return slog.StringValue(mask) }

// MarshalJSON gives the mask as a JSON string.
func (r Redacted) MarshalJSON() ([]byte, error) { return []byte(`"` + mask + `"`), nil }

// MarshalText gives the mask, for XML, flags and map keys.
func (r Redacted) MarshalText() ([]byte, error) { return []byte(mask), nil }

// UnmarshalJSON reads the text from a JSON string; an error does not quote it.
func (r *Redacted) UnmarshalJSON(data []byte) error {
	var text string
	if err := json.Unmarshal(data, &text); err != nil {
		return fmt.Errorf("%s is not a JSON string", mask)
	}
	r.text = &text
	return nil
}
