package ecr

import "strings"

// tagged returns the condition keys that a repository's tags give, for calls about it.
// Source: Service Authorization Reference, Amazon Elastic Container Registry, condition keys.
func (r *Room) tagged(arn string) map[string][]string {
	if !strings.Contains(arn, ":repository/") {
		return nil
	}
	repo, found, err := r.repositories.Get(arn)
	if err != nil || !found || len(repo.Tags) == 0 {
		return nil
	}
	keys := map[string][]string{}
	for name, value := range repo.Tags {
		keys["aws:ResourceTag/"+name] = []string{value}
		keys["ecr:ResourceTag/"+name] = []string{value}
	}
	return keys
}
