package protocol

import (
	"math"
	"strconv"
	"time"
)

// Timestamp is a time as AWS's JSON protocols write it: seconds since 1970, with milliseconds.
// Source: Smithy, "AWS JSON 1.1 protocol", "epoch-seconds".
type Timestamp time.Time

// IsZero says that there is no time, for members with omitzero.
func (t Timestamp) IsZero() bool { return time.Time(t).IsZero() }

// MarshalJSON writes the number of seconds.
func (t Timestamp) MarshalJSON() ([]byte, error) {
	return strconv.AppendFloat(nil, float64(time.Time(t).UnixMilli())/1000, 'f', -1, 64), nil
}

// UnmarshalJSON reads what MarshalJSON writes.
func (t *Timestamp) UnmarshalJSON(text []byte) error {
	seconds, err := strconv.ParseFloat(string(text), 64)
	*t = Timestamp(time.UnixMilli(int64(math.Round(seconds * 1000))).UTC())
	return err
}
