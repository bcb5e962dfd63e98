/*  What a block sees besides Prolog: state/2, return/2, tea_load_code/1, tea_load_facts/1. */

:- module(tea, [state/2, return/2, tea_load_code/1, tea_load_facts/1]).

:- use_module(library(lists), [member/2]).
:- use_module(answer, [answer_return/2]).
:- use_module(loading, [load_text/2]).

%   state(?Key, ?Value): a key of the state and its value, in the order of the state.

state(Key, Value) :-
    nb_getval('$tea_state', State),
    (   var(Key)
    ->  member(Key-Value, State)
    ;   ( atom(Key) -> Atom = Key ; string(Key) -> atom_string(Atom, Key) ; atom_number(Atom, Key) ),
        memberchk(Atom-Found, State),
        Value = Found
    ).

%   return(+Key, +Value): the state gets Value under Key when the block is done.

return(Key, Value) :-
    answer_return(Key, Value).

%   tea_load_code(+Text): what is in Text counts as if it stood in the block.

tea_load_code(Text) :-
    load_text(Text, code).

%   tea_load_facts(+Text): the facts and rules of Text are added; anything else in it is an error, and then none is added.

tea_load_facts(Text) :-
    load_text(Text, facts).
