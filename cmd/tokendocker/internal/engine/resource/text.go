package resource

import "fmt"

// Text returns a scalar property as text: templates have 30 and "30", true and "true" for the same. One that is absent
// is empty.
func Text(value any) string {
	if value == nil {
		return ""
	}
	return fmt.Sprint(value)
}
