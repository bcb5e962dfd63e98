/*  Texts that a running block loads: tea_load_code/1 and tea_load_facts/1. */

:- module(tea_loading, [load_text/2]).

:- use_module(library(lists), [append/3, member/2]).
:- use_module(library(error), [instantiation_error/1, type_error/2]).
:- use_module(answer).
:- use_module(block).
:- use_module(guard).
:- use_module(items).
:- use_module(text).

:- meta_predicate in_text(?, ?, 0).

%   load_text(+Text, +Mode): Mode is code, and Text counts as if it stood in the block; or facts, and it may hold nothing else.

load_text(Text0, Mode) :-
    text_of(Text0, Text),
    loader(Mode, Loader),
    touches(Text, Touches),
    note_flags(Touches),
    note_goals,
    in_block(read_text(Text, Terms)),
    (   member(wrong(Offset, Message), Terms)
    ->  line_at(Text, Offset, Line),
        string_concat("this is not Prolog: ", Message, Why),
        throw(error(tea_loaded(Loader, Line, Why), _))
    ;   true
    ),
    base_for(Terms, Base),
    (   Base == tea_constraints
    ->  set_module(tea_block:base(Base))
    ;   true
    ),
    in_block(load(Mode, Terms, Loader)).

loader(code, "tea_load_code/1").
loader(facts, "tea_load_facts/1").

text_of(Text0, Text) :-
    (   ( atom(Text0), \+ Text0 == [] ; string(Text0) ; is_list(Text0) ),
        catch(text_to_string(Text0, Text), _, fail)
    ->  true
    ;   var(Text0)
    ->  instantiation_error(Text0)
    ;   type_error(text, Text0)
    ).

line_at(Text, Offset, Line) :-
    sub_string(Text, 0, Offset, _, Before),
    split_string(Before, "\n", "", Lines),
    length(Lines, Line).

load(code, Terms, Loader) :-
    load_code(Terms, Loader).
load(facts, Terms, Loader) :-
    facts(Terms, Loader, Items),
    forall(member(clause(_, Clause), Items), assertz(tea_block:Clause)).

load_code([], _).
load_code([Term|Terms], Loader) :-
    Term = term(Plain, _, _, _, Line),
    (   in_text(Line, Loader, ( items_of(Term, Items), load_items(Items) ))
    ->  load_code(Terms, Loader)
    ;   term_text(Plain, Text),
        answer(["failed_loading", Loader, Line, Text])
    ).

load_items([]).
load_items([Item|Items]) :-
    load_item(Item),
    load_items(Items).

load_item(clause(_, Clause)) :- assertz(tea_block:Clause).
load_item(declaration(_, Directive)) :- once(tea_block:Directive).
load_item(goal(_, Goal, _, _)) :- once(tea_block:Goal).

facts([], _, []).
facts([term(Term, Place, _, _, Line)|Terms], Loader, Items) :-
    in_text(Line, Loader, ( fact_or_rule(Term), facts_of(Term, Place, New) )),
    append(New, Rest, Items),
    facts(Terms, Loader, Rest).

facts_of(Term, Place, Items) :-
    expand_term(Term, Expanded),
    clauses(Expanded, Place, Items0),
    findall(Item, ( member(Item, Items0), Item = clause(_, _) ), Items),
    forall(member(clause(_, Clause), Items), permit_clause(Clause)).

fact_or_rule(Term) :-
    (   what_it_is(Term, What)
    ->  term_text(Term, Text),
        format(string(Message), '~s is ~s; only facts and rules can be loaded this way', [Text, What]),
        throw(tea_syntax(Message))
    ;   true
    ).

what_it_is(Term, "a variable") :- var(Term), !.
what_it_is((:- _), "a directive") :- !.
what_it_is((?- _), "a query") :- !.
what_it_is(Term, "no fact") :- \+ callable(Term), !.
what_it_is(Term, What) :-
    head(Term, Head),
    !,
    what_head_is(Head, What).

head((Head :- _), Head) :- !.
head((Guarded => _), Head) :- !, nonvar(Guarded), ( Guarded = (Plain, _) -> Head = Plain ; Head = Guarded ).
head('?=>'(Head, _), Head) :- !.
head((Head --> _), Extended) :-
    !,
    nonvar(Head),
    ( Head = (Plain, _) -> true ; Plain = Head ),
    callable(Plain),
    Plain =.. Parts,
    append(Parts, [_, _], More),
    Extended =.. More.
head(Fact, Fact).

what_head_is(Head, "no fact or rule") :- \+ callable(Head), !.
what_head_is(Head, What) :-
    functor(Head, Name, Arity),
    functor(General, Name, Arity),
    \+ own(General),
    import_chain(tea_block, Module),
    defined_in(Module, General),
    !,
    format(string(What), 'about ~q, which Prolog defines', [Name/Arity]).

%   in_text(+Line, +Loader, :Goal): an error of Goal names the line of the loaded text.

in_text(Line, Loader, Goal) :-
    catch(Goal, Error, true),
    (   var(Error)
    ->  true
    ;   Error = tea_at(_, Cause)
    ->  in_text(Line, Loader, throw(Cause))
    ;   Error = tea_refused(Name, "")
    ->  format(string(Place), 'in line ~d of the text given to ~s', [Line, Loader]),
        throw(tea_refused(Name, Place))
    ;   Error = tea_unproven(Name, "")
    ->  format(string(Place), 'in line ~d of the text given to ~s', [Line, Loader]),
        throw(tea_unproven(Name, Place))
    ;   passes(Error)
    ->  throw(Error)
    ;   error_text(Error, Why),
        throw(error(tea_loaded(Loader, Line, Why), _))
    ).

passes(inference_limit_exceeded).
passes(tea_refused(_, _)).
passes(tea_unproven(_, _)).
passes(error(resource_error(_), _)).
passes(error(tea_loaded(_, _, _), _)).
passes(unwind(_)).
