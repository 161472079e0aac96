package intrinsic

import (
	"math/big"
	"net/netip"
	"strconv"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/cloudformation/template"
)

// cidr is Fn::Cidr [block, count, host bits]; without host bits IPv6 takes 64.
func cidr(v *template.Value, scope Scope) (any, error) {
	if v.Kind != template.List || len(v.Items) < 2 || len(v.Items) > 3 {
		return nil, failf("Template error: every Fn::Cidr object requires two or three parameters")
	}
	block, err := text(v.Items[0], scope, "the block of Fn::Cidr")
	if err != nil {
		return nil, err
	}
	prefix, err := netip.ParsePrefix(block)
	if err != nil {
		return nil, failf("Template error: Fn::Cidr needs a CIDR block, %q is none", block)
	}
	count, err := number(v.Items[1], scope, 1, 256)
	if err != nil {
		return nil, err
	}
	hostBits, width := 64, prefix.Addr().BitLen()
	if len(v.Items) == 3 {
		if hostBits, err = number(v.Items[2], scope, 1, width); err != nil {
			return nil, err
		}
	} else if prefix.Addr().Is4() {
		return nil, failf("Template error: Fn::Cidr needs the number of host bits for an IPv4 block")
	}
	room := width - hostBits - prefix.Bits()
	if room < 0 || room < 9 && count > 1<<room {
		return nil, failf("Template error: Fn::Cidr cannot make %d blocks of %d host bits in %s", count, hostBits, block)
	}
	return subnets(prefix.Masked(), count, hostBits), nil
}

func subnets(prefix netip.Prefix, count, hostBits int) []any {
	width := prefix.Addr().BitLen()
	base := new(big.Int).SetBytes(prefix.Addr().AsSlice())
	out := make([]any, count)
	for i := range out {
		n := new(big.Int).Lsh(big.NewInt(int64(i)), uint(hostBits))
		addr, _ := netip.AddrFromSlice(n.Add(n, base).FillBytes(make([]byte, width/8)))
		out[i] = netip.PrefixFrom(addr, width-hostBits).String()
	}
	return out
}

func number(v *template.Value, scope Scope, low, high int) (int, error) {
	s, err := text(v, scope, "a number of Fn::Cidr")
	if err != nil {
		return 0, err
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < low || n > high {
		return 0, failf("Template error: Fn::Cidr needs a number from %d to %d, not %q", low, high, s)
	}
	return n, nil
}
