package cli

import (
	"encoding/json"
	"os"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/fault"
)

// givenSecrets reads the file of secrets that the app expects to be there: a JSON object of values by name or ARN. The
// values of objects are JSON themselves. Nothing of it is stored or shown.
func givenSecrets(file string) (map[string]string, error) {
	if file == "" {
		return nil, nil
	}
	const hint = `give a JSON object such as {"docker-hub": {"username": "me", "password": "..."}}`
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fault.Wrap(fault.Usage, hint, err, "TOKENDOCKER_REHEARSE_SECRETS names a file that cannot be read")
	}
	var given map[string]json.RawMessage
	if json.Unmarshal(data, &given) != nil { // the error would show a piece of the file
		return nil, fault.New(fault.Usage, hint, "the file %s of TOKENDOCKER_REHEARSE_SECRETS is no JSON object", file)
	}
	secrets := map[string]string{}
	for name, value := range given {
		var text string
		if json.Unmarshal(value, &text) != nil {
			text = string(value)
		}
		secrets[name] = text
	}
	return secrets, nil
}
