package contract

import "crypto/sha256"
import "encoding/hex"
import "fmt"

// Tag is the identity of the image that r describes.
func Tag(r Request) (string, error) {
	sum := sha256.Sum256(fmt.Append(nil, r))
	return hex.EncodeToString(sum[:]), nil
}
