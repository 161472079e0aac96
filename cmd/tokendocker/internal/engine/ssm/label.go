package ssm

import (
	"context"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
)

// Labels of versions. Source: AWS Systems Manager API Reference, LabelParameterVersion.
const maxLabels = 10

var labelForm = regexp.MustCompile(`^[A-Za-z_.-][A-Za-z0-9_.-]{0,99}$`)

func validLabel(label string) bool {
	low := strings.ToLower(label)
	return labelForm.MatchString(label) && !strings.HasPrefix(low, "aws") && !strings.HasPrefix(low, "ssm")
}

type labelInput struct {
	Name             string
	ParameterVersion int // 0: the latest
	Labels           []string
}

// changeLabels changes the labels of a version; do gets the parameter and the version's index.
func (r *Room) changeLabels(region string, in labelInput, do func(p *parameter, i int) error) (number int, err error) {
	name, _ := split(in.Name)
	err = r.parameters.Update(tableKey(region, name), func(p parameter, found bool) (parameter, error) {
		if !found {
			return p, noSuchParameter(name)
		}
		selector := ""
		if in.ParameterVersion != 0 {
			selector = strconv.Itoa(in.ParameterVersion)
		}
		var ok bool
		if number, ok = p.number(selector); !ok {
			return p, protocol.Errorf("ParameterVersionNotFound", "Systems Manager could not find version %s of %s. Verify the version and try again.", selector, name)
		}
		return p, do(&p, number-p.First)
	})
	return number, err
}

// labelVersion gives labels to a version, which other versions lose.
func (r *Room) labelVersion(_ context.Context, call *protocol.Call, in labelInput) (any, error) {
	invalid := []string{}
	number, err := r.changeLabels(call.Region, in, func(p *parameter, at int) error {
		for _, label := range in.Labels {
			if !validLabel(label) {
				invalid = append(invalid, label)
				continue
			}
			for i := range p.Versions {
				p.Versions[i].drop(label)
			}
			p.Versions[at].Labels = append(p.Versions[at].Labels, label)
		}
		if len(p.Versions[at].Labels) > maxLabels {
			return protocol.Errorf("ParameterVersionLabelLimitExceeded", "A parameter version can have a maximum of %d labels.", maxLabels)
		}
		return nil
	})
	return map[string]any{"InvalidLabels": invalid, "ParameterVersion": number}, err
}

func (r *Room) unlabelVersion(_ context.Context, call *protocol.Call, in labelInput) (any, error) {
	removed, invalid := []string{}, []string{}
	_, err := r.changeLabels(call.Region, in, func(p *parameter, at int) error {
		for _, label := range in.Labels {
			if p.Versions[at].drop(label) {
				removed = append(removed, label)
			} else {
				invalid = append(invalid, label)
			}
		}
		return nil
	})
	return map[string]any{"RemovedLabels": removed, "InvalidLabels": invalid}, err
}

// drop takes a label away, and says whether it was there.
func (v *version) drop(label string) bool {
	before := len(v.Labels)
	v.Labels = slices.DeleteFunc(v.Labels, func(l string) bool { return l == label })
	return len(v.Labels) < before
}
