package protocol

import "strconv"

// Page cuts one page out of all that a call lists, and returns the token of the next one, which is empty behind the
// last. It is not ok for a token that no answer has given.
func Page[T any](all []T, token string, size int) (part []T, next string, ok bool) {
	start := 0
	if token != "" {
		var err error
		if start, err = strconv.Atoi(token); err != nil || start < 0 || start > len(all) {
			return nil, "", false
		}
	}
	end := min(start+size, len(all))
	if end < len(all) {
		next = strconv.Itoa(end)
	}
	return all[start:end], next, true
}
