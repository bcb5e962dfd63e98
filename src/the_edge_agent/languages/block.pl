/*  Blocks: the text of each becomes items once, and they are carried out one after another in the module tea_block. */

:- module(tea_blocks, [set_up_blocks/0, check_block/2, begin_block/2, run_block/2, drop_block/0, forget_blocks/0,
                       flags_were_touched/0, touches/2, note_flags/1, in_block/1, base_for/2]).

:- use_module(library(lists), [append/3, member/2, nth1/3]).
:- use_module(answer).
:- use_module(guard).
:- use_module(items).
:- use_module(text).

:- dynamic prepared/4.          % Id, Base, Touches (whether it may change flags), Items
:- dynamic flags_touched/0.     % the block may have changed flags

:- meta_predicate in_block(0), at(?, 0).

/* Modules. */

%   The libraries that nearly every block uses are imported once, into the base of its module; autoloading finds the others.
%   Constraint operators can always be read.

set_up_blocks :-
    set_module(tea_library:base(user)),
    set_module(tea_constraints:base(tea_library)),
    forall(member(Library, [lists, apply]), tea_library:use_module(library(Library))),
    forall(( member(Module, [tea, tea_guard]), module_property(Module, exports(Offered)), member(Name/Arity, Offered), offered(Name) ),
           tea_library:import(Module:Name/Arity)),
    forall(constraint_operator(Priority, Type, Name), op(Priority, Type, user:Name)).

offered(Name) :-
    memberchk(Name, [state, return, tea_load_code, tea_load_facts, tea_call, tea_add, tea_message, tea_op]).

constraint_operator(760, yfx, #<==>).
constraint_operator(750, xfy, #==>).
constraint_operator(750, yfx, #<==).
constraint_operator(740, yfx, #\/).
constraint_operator(730, yfx, #\).
constraint_operator(720, yfx, #/\).
constraint_operator(710,  fy, #\).
constraint_operator(700, xfx, #>).
constraint_operator(700, xfx, #<).
constraint_operator(700, xfx, #>=).
constraint_operator(700, xfx, #=<).
constraint_operator(700, xfx, #=).
constraint_operator(700, xfx, #\=).
constraint_operator(700, xfx, in).
constraint_operator(700, xfx, ins).
constraint_operator(700, xfx, in_set).
constraint_operator(450, xfx, ..).

new_module(Base) :-
    set_module(tea_block:class(temporary)),
    set_module(tea_block:base(Base)).

drop_module :-
    (   current_module(tea_block)
    ->  '$destroy_module'(tea_block)
    ;   true
    ).

in_block(Goal) :-
    '$set_source_module'(Old, tea_block),
    call_cleanup(Goal, '$set_source_module'(Old)).

forget_blocks :-
    retractall(prepared(_, _, _, _)).

/* Running. */

begin_block(State, Inferences) :-
    nb_setval('$tea_state', State),
    nb_setval('$tea_inferences', Inferences),
    forget_heads,
    forget_goals,
    forget_proofs.

%   run_block(+Id, +Text): the block, whose Text is needed the first time.

run_block(Id, Text) :-
    (   prepared(Id, Base, Touches, Items)
    ->  true
    ;   prepare(Text, Base, Items),
        touches(Text, Touches),
        assertz(prepared(Id, Base, Touches, Items)),
        forget_heads,
        forget_goals
    ),
    note_flags(Touches),
    new_module(Base),
    statistics(inferences, Before),
    nb_setval('$tea_started', Before),
    in_block(carry_out(Items)).

touches(Text, Touches) :-
    (   member(Word, ["set_prolog_flag", "style_check"]),
        sub_string(Text, _, _, _, Word)
    ->  Touches = true
    ;   Touches = false
    ).

note_flags(true) :-
    \+ flags_touched,
    !,
    assertz(flags_touched).
note_flags(_).

flags_were_touched :-
    retract(flags_touched).

drop_block :-
    drop_module,
    nb_setval('$tea_state', []).

carry_out([]).
carry_out([Item|Items]) :-
    item_place(Item, Start-End),
    (   item(Item)
    ->  carry_out(Items)
    ;   furthest(Item, FailedStart-FailedEnd),
        defined_by(Item, Who),
        answer(["failed", Start, End, FailedStart, FailedEnd, Who])
    ).

%   Whose predicate a goal calls that could have been meant as a fact.

defined_by(goal(_, Goal, _, []), Who) :-
    compound(Goal),
    functor(Goal, Name, Arity),
    functor(Head, Name, Arity),
    (   own(Head)
    ->  Who = "block"
    ;   predicate_property(tea_block:Head, imported_from(Library)),
        module_property(Library, class(library))
    ->  Who = "library"
    ),
    !.
defined_by(_, "").

item_place(Item, Place) :-
    arg(1, Item, Place).

furthest(goal(_, _, _, Places), Place) :-
    nb_getval('$tea_reached', Reached),
    nth1(Reached, Places, Place),
    !.
furthest(Item, Place) :-
    item_place(Item, Place).

item(clause(Place, Clause)) :-
    !,
    at(Place, assertz(tea_block:Clause)).
item(declaration(Place, Directive)) :-
    !,
    at(Place, once(tea_block:Directive)).
item(raise(Start-End, Error)) :-
    !,
    answer(["at", Start, End]),
    throw(Error).
item(goal(Start-End, Plain, Marked, Places)) :-
    nb_setval('$tea_reached', 0),
    answer(["at", Start, End]),
    send,
    catch(limited(Marked), Error, true),
    (   var(Error)
    ->  true
    ;   furthest(goal(Start-End, Plain, Marked, Places), ErrorStart-ErrorEnd),
        answer(["at", ErrorStart, ErrorEnd]),
        throw(Error)
    ).

at(Start-End, Goal) :-
    catch(Goal, Error, true),
    (   var(Error)
    ->  true
    ;   answer(["at", Start, End]),
        throw(Error)
    ).

limited(Goal) :-
    nb_getval('$tea_inferences', Limit),
    (   Limit =:= 0
    ->  once(tea_block:Goal)
    ;   nb_getval('$tea_started', Before),
        statistics(inferences, Now),
        Left is Limit - (Now - Before),
        (   Left > 0
        ->  call_with_inference_limit(once(tea_block:Goal), Left, Result)
        ;   Result = inference_limit_exceeded
        ),
        statistics(inferences, After),
        (   ( Result == inference_limit_exceeded ; After - Before > Limit )
        ->  throw(tea_inferences)
        ;   true
        )
    ).

/* Reading and looking at a text, without running it. */

%   check_block(+Text, -Problems): the syntax errors of Text, ["problem", Offset, Message] each.

check_block(Text, Problems) :-
    new_module(tea_library),
    in_block(read_text(Text, Terms)),
    findall(["problem", Offset, Message], member(wrong(Offset, Message), Terms), Problems),
    drop_module.

%   prepare(+Text, -Base, -Items): what is to be carried out. Clauses and declarations are added to a module that is thrown
%   away afterwards, because what stands further down depends on them.

prepare(Text, Base, Items) :-
    new_module(tea_library),
    in_block(read_text(Text, Terms)),
    (   member(wrong(Offset, Message), Terms)
    ->  Base = tea_library,
        string_concat("this is not Prolog: ", Message, Why),
        Items = [raise(Offset-Offset, tea_syntax(Why))]
    ;   base_for(Terms, Base),
        set_module(tea_block:base(Base)),
        in_block(look_at(Terms, Items))
    ),
    drop_module.

look_at([], []).
look_at([Term|Terms], Items) :-
    Term = term(_, Place, _, _, _),
    catch(items_of(Term, New), Error, ( Error = tea_at(Inner, Cause) -> New = [raise(Inner, Cause)] ; New = [raise(Place, Error)] )),
    append(New, Rest, Items),
    add(New),
    look_at(Terms, Rest).

add([]).
add([Item|Items]) :-
    (   Item = clause(_, Clause)
    ->  catch(assertz(tea_block:Clause), _, true)
    ;   Item = declaration(_, Directive)
    ->  catch(ignore(tea_block:Directive), _, true)
    ;   true
    ),
    add(Items).

%   Constraints are loaded for a text that mentions them, because loading them takes longer than anything else here.

base_for(Terms, tea_constraints) :-
    member(term(Term, _, _, _, _), Terms),
    body_part(Term, Part),
    part_functor(Part, Name, Arity),
    constraint(Name, Arity),
    !,
    need_constraints.
base_for(_, tea_library).

need_constraints :-
    (   current_module(clpfd)
    ->  true
    ;   tea_constraints:use_module(library(clpfd))
    ).

%   A fact alone may have the name of a constraint and mean something else.

body_part((Head :- Body), Part) :- !, ( Part = Body ; Part = Head ).
body_part((_ --> Body), Body) :- !.
body_part(Term, Term) :-
    compound(Term),
    functor(Term, Name, Arity),
    \+ ( constraint(Name, Arity), \+ current_op(_, _, user:Name) ).

part_functor(Term, Name, Arity) :-
    compound(Term),
    (   compound_name_arity(Term, Name, Arity)
    ;   arg(_, Term, Argument),
        part_functor(Argument, Name, Arity)
    ).

constraint(Name, 2) :-
    memberchk(Name, [#<==>, #==>, #<==, #\/, #\, #/\, #>, #<, #>=, #=<, #=, #\=, in, ins, in_set, labeling, global_cardinality]).
constraint(Name, 1) :-
    memberchk(Name, [#\, label, all_different, all_distinct, lex_chain, circuit, cumulative]).
constraint(tuples_in, 2).
constraint(transpose, 2).
constraint(scalar_product, 4).
