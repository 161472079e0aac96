package ec2

import (
	"crypto/rand"
	"encoding/hex"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
)

// Check looks whether a VPC, its subnets and its security groups are there and belong together, as services do that are
// to put interfaces into them.
func (r *Room) Check(region, vpc string, subnets, groups []string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.need(region, vpc, "InvalidVpcID.NotFound", "vpc ID"); err != nil {
		return err
	}
	for _, id := range subnets {
		t, p := r.find(region, id)
		if p == gone || p == here && t.VPC != vpc {
			return protocol.Errorf("InvalidSubnetID.NotFound", "The subnet ID '%s' does not exist", id)
		}
	}
	for _, id := range groups {
		t, p := r.find(region, id)
		if p == gone || p == here && t.VPC != vpc {
			return protocol.Errorf("InvalidGroup.NotFound", "The security group '%s' does not exist", id)
		}
	}
	return nil
}

// Attach makes a network interface in a subnet for a service, and returns its identifier. The interface has no public
// address, whatever the subnet says: services' interfaces never have.
func (r *Room) Attach(region, subnet string, groups []string, what string) (id string, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s, p := r.find(region, subnet)
	if p == gone {
		return "", protocol.Errorf("InvalidSubnetID.NotFound", "The subnet ID '%s' does not exist", subnet)
	}
	set := make([]any, 0, len(groups))
	for _, group := range groups {
		if err := r.need(region, group, "InvalidGroup.NotFound", "security group"); err != nil {
			return "", err
		}
		set = append(set, group)
	}
	b := make([]byte, 8)
	rand.Read(b) //nolint:errcheck // crypto/rand.Read never fails
	t := thing{ID: "eni-0" + hex.EncodeToString(b), Kind: kindInterface, Region: region, VPC: s.VPC, Ready: r.Clock.Now(),
		Properties: map[string]any{"SubnetId": subnet, "GroupSet": set, "Description": what}}
	return t.ID, r.put(t)
}

// Detach deletes an interface that Attach made. One that is gone is no error.
func (r *Room) Detach(region, id string) error {
	return r.remove(kind{name: kindInterface}, region, id)
}
