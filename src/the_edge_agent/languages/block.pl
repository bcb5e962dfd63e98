/*  Blocks: their text becomes items, and items are carried out one after another in the module tea_block.

    An item is one of

      clause(Place, Clause)            added
      declaration(Place, Directive)    carried out: dynamic, op, use_module ...; also when the text is only read
      goal(Place, Goal, Marked, Places)  called once; Marked is Goal with marks that tell how far it came, Places those of its parts
      raise(Place, Error)              an error that was found when the text was looked at, due when its turn comes

    and a Place is Start-End, offsets in the text.

    What stands alone in a text (no :-, no -->) is a goal if it is an atom or if there is a predicate of its name and arity:
    a built-in one, one of a library, or one of the block whose rules could answer it. Else it is a fact.
*/

:- module(tea_block_reader, [set_up_blocks/0, check_block/2, begin_block/2, run_block/2, drop_block/0, forget_blocks/0,
                             flags_were_touched/0, touches/2, note_flags/1, note_goals/0, in_block/1, read_text/2, base_for/2, items_of/2, clauses/3, own/1,
                             defined_in/2, import_chain/2]).

:- use_module(library(lists), [append/2, append/3, member/2, nth1/3]).
:- use_module(answer).
:- use_module(guard).

:- dynamic prepared/4.          % Id, Base, Touches (whether it may change flags), Items
:- dynamic own_head/2.          % Name, Arity of a rule in the texts of the block
:- dynamic flags_touched/0.     % the block may have changed flags
:- dynamic quotes/1.            % an option of read_term/3 that the text asks for
:- dynamic goals_seen/0.        % a goal of the block was looked at

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
    retractall(own_head(_, _)),
    retractall(goals_seen),
    forget_proofs.

%   run_block(+Id, +Text): the block, whose Text is needed the first time.

run_block(Id, Text) :-
    (   prepared(Id, Base, Touches, Items)
    ->  true
    ;   prepare(Text, Base, Items),
        touches(Text, Touches),
        assertz(prepared(Id, Base, Touches, Items)),
        retractall(own_head(_, _)),
        retractall(goals_seen)
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

%   read_text(+Text, -Terms): term(Term, Place, Inside, Anonymous, Line) or wrong(Offset, Message) each; Inside are the places
%   inside the term, Anonymous tells whether a variable in it has no name. The last full stop may be left out.

read_text(Text, Terms) :-
    read_terms(Text, Terms0),
    (   append(_, [wrong(_, end_of_file)], Terms0)
    ->  string_concat(Text, "\n.", Ended),
        read_terms(Ended, Terms)
    ;   Terms = Terms0
    ).

read_terms(Text, Terms) :-
    retractall(quotes(_)),
    setup_call_cleanup(open_string(Text, Stream), read_stream(Stream, Terms), close(Stream)).

read_stream(Stream, Terms) :-
    findall(Option, quotes(Option), Options),
    catch(read_term(Stream, Term,
                    [ module(tea_block), syntax_errors(error), variable_names(Names), subterm_positions(Inside),
                      term_position(Position)|Options ]),
          Error, true),
    (   nonvar(Error)
    ->  (   Error = error(syntax_error(Kind), stream(_, _, _, Offset))
        ->  syntax_message(Kind, Error, Message),
            Terms = [wrong(Offset, Message)|Rest],
            ( Message == end_of_file -> Rest = [] ; read_stream(Stream, Rest) )
        ;   throw(Error)
        )
    ;   Term == end_of_file
    ->  Terms = []
    ;   term_variables(Term, Variables),
        length(Variables, Count),
        length(Names, Named),
        ( Count > Named -> Anonymous = true ; Anonymous = false ),
        ( var(Inside) -> Start = 0, End = 0 ; arg(1, Inside, Start), arg(2, Inside, End) ),
        stream_position_data(line_count, Position, Line),
        Terms = [term(Term, Start-End, Inside, Anonymous, Line)|Rest],
        note_head(Term),
        reading_declaration(Term),
        read_stream(Stream, Rest)
    ).

syntax_message(end_of_file, _, end_of_file) :-
    !.
syntax_message(Kind, _, Message) :-
    catch(( phrase('$messages':syntax_error(Kind), Lines),
            with_output_to(string(Message0), print_message_lines(current_output, '', Lines)) ), _, fail),
    !,
    normalize_space(string(Message), Message0).
syntax_message(Kind, _, Message) :-
    term_text(Kind, Message).

note_head((Head :- _)) :- nonvar(Head), callable(Head), !, functor(Head, Name, Arity), note_own(Name, Arity).
note_head((Head --> _)) :- nonvar(Head), callable(Head), !, functor(Head, Name, Arity0), Arity is Arity0 + 2, note_own(Name, Arity).
note_head(_).

note_own(Name, Arity) :-
    (   own_head(Name, Arity)
    ->  true
    ;   assertz(own_head(Name, Arity))
    ).

%   What changes how the rest of a text is read.

reading_declaration((:- op(Priority, Type, Names))) :-
    !,
    reading(op(Priority, Type, Names), tea_op(Priority, Type, Names)).
reading_declaration(op(Priority, Type, Names)) :-
    !,
    reading(op(Priority, Type, Names), tea_op(Priority, Type, Names)).
reading_declaration((:- set_prolog_flag(Flag, Value))) :-
    quotes_flag(Flag),
    atom(Value),
    !,
    Option =.. [Flag, Value],
    functor(General, Flag, 1),
    retractall(quotes(General)),
    assertz(quotes(Option)).
reading_declaration((:- use_module(library(Library)))) :-
    !,
    reading(use_module(library(Library)), use_module(library(Library))).
reading_declaration(_).

%   A mistake in it is reported when its turn comes.

reading(Directive, Goal) :-
    (   catch(permit_declaration(Directive), _, fail)
    ->  catch(ignore(tea_block:Goal), _, true)
    ;   true
    ).

%   As in a file, these flags count for the rest of a text; Prolog would set them for all of this process.

quotes_flag(double_quotes).
quotes_flag(back_quotes).

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

/* From a term to items. */

items_of(term(Term, Place, Inside, Anonymous, _), Items) :-
    kind(Term, Anonymous, Kind),
    items_of(Kind, Term, Place, Inside, Items).

items_of(clause, Term, Place, _, Items) :-
    expand_term(Term, Expanded),
    clauses(Expanded, Place, Items).
items_of(declaration, Term, _, _, []) :-
    directive(Term, set_prolog_flag(Flag, _)),
    quotes_flag(Flag),
    !.
items_of(declaration, Term, Place, _, [declaration(Place, Goal)]) :-
    directive(Term, Directive),
    permit_declaration(Directive),
    (   Directive = op(Priority, Type, Names)
    ->  Goal = tea_op(Priority, Type, Names)
    ;   Goal = Directive
    ).
items_of(goal, Term, Place, Inside, [goal(Place, Goal, Marked, Places)]) :-
    directive(Term, Body),
    inside_directive(Term, Inside, BodyInside),
    conjuncts(Body, BodyInside, Conjuncts),
    goals(Conjuncts, Goals, Places0),
    conjunction(Goals, Goal),
    (   Goals = [_]
    ->  Marked = Goal,
        Places = []
    ;   marked(Goals, 1, Marks),
        conjunction(Marks, Marked),
        Places = Places0
    ),
    (   sandboxed
    ->  permit_goals(Goals, Places0),
        note_goals
    ;   true
    ).

note_goals :-
    ( goals_seen -> true ; assertz(goals_seen) ).

%   One by one, so that the one that is refused can be named; nothing that is looked at depends on the goals before it.

permit_goals([], []).
permit_goals([Goal|Goals], [Place|Places]) :-
    catch(permit_goal(Goal), Error, true),
    (   var(Error)
    ->  permit_goals(Goals, Places)
    ;   throw(tea_at(Place, Error))
    ).

directive((:- initialization(Body)), Body) :- !.
directive((:- initialization(Body, _)), Body) :- !.
directive((:- Body), Body) :- !.
directive((?- Body), Body) :- !.
directive(Body, Body).

inside_directive((:- Body), _, unknown) :- nonvar(Body), functor(Body, initialization, _), !.
inside_directive((:- _), term_position(_, _, _, _, [Inside]), Inside) :- !.
inside_directive((?- _), term_position(_, _, _, _, [Inside]), Inside) :- !.
inside_directive(_, Inside, Inside).

goals([], [], []).
goals([Term-Place|Conjuncts], [Goal|Goals], [Place|Places]) :-
    expand_goal(Term, Expanded),
    guarded(Expanded, Goal),
    goals(Conjuncts, Goals, Places).

marked([], _, []).
marked([Goal|Goals], Number, [nb_setval('$tea_reached', Number), Goal|Marked]) :-
    Next is Number + 1,
    marked(Goals, Next, Marked).

conjunction([Goal], Goal) :- !.
conjunction([Goal|Goals], (Goal, Conjunction)) :-
    conjunction(Goals, Conjunction).

conjuncts(Body, Inside, Conjuncts) :-
    phrase(conjuncts(Body, Inside), Conjuncts).

conjuncts(Body, Inside) -->
    { nonvar(Inside), Inside = parentheses_term_position(_, _, Inner) },
    !,
    conjuncts(Body, Inner).
conjuncts(Body, Inside) -->
    { nonvar(Body), Body = (A, B), nonvar(Inside), Inside = term_position(_, _, _, _, [InsideA, InsideB]) },
    !,
    conjuncts(A, InsideA),
    conjuncts(B, InsideB).
conjuncts(Body, Inside) -->
    { compound(Inside) -> arg(1, Inside, Start), arg(2, Inside, End) ; Start = 0, End = 0 },
    [Body-(Start-End)].

clauses(Terms, Place, Items) :-
    is_list(Terms),
    !,
    findall(New, ( member(Term, Terms), clauses(Term, Place, New) ), Lists),
    append(Lists, Items).
clauses((:- Directive), Place, [declaration(Place, Directive)]) :-
    !,
    permit_declaration(Directive).
clauses(Clause0, Place, [clause(Place, Clause)]) :-
    guarded_clause(Clause0, Clause),
    ( sandboxed -> permit_head(Clause) ; true ),
    (   sandboxed,
        ( goals_seen ; hook(Clause) )
    ->  permit_clause(Clause)
    ;   true
    ).

%   kind(+Term, +Anonymous, -Kind): clause, declaration or goal.

kind(Term, _, _) :-
    var(Term),
    !,
    throw(tea_syntax("a variable stands where a goal or a fact is expected")).
kind((:- Directive), _, Kind) :-
    !,
    ( declared(Directive) -> Kind = declaration ; Kind = goal ).
kind((?- _), _, goal) :- !.
kind((_ :- _), _, clause) :- !.
kind((_ --> _), _, clause) :- !.
kind((_ => _), _, clause) :- !.
kind('?=>'(_, _), _, clause) :- !.
kind(_:_, _, goal) :- !.
kind(Term, _, goal) :-
    atom(Term),
    !.
kind(Term, Anonymous, Kind) :-
    compound(Term),
    !,
    (   declared(Term)
    ->  Kind = declaration
    ;   own(Term)
    ->  (   Anonymous == false,
            clause(tea_block:Term, Body),
            Body \== true
        ->  Kind = goal
        ;   Kind = clause
        )
    ;   known(Term)
    ->  Kind = goal
    ;   Kind = clause
    ).
kind(Term, _, _) :-
    term_text(Term, Text),
    format(string(Message), '~s is neither a goal nor a fact', [Text]),
    throw(tea_syntax(Message)).

own(Term) :-
    functor(Term, Name, Arity),
    functor(Head, Name, Arity),
    defined_in(tea_block, Head),
    \+ predicate_property(tea_block:Head, imported_from(_)).

%   Unlike predicate_property/2 this loads nothing.

defined_in(Module, Head) :-
    '$c_current_predicate'(_, Module:Head),
    '$get_predicate_attribute'(Module:Head, defined, 1).

%   known(+Term): there is a predicate that the block did not define. Nothing is loaded to find out.

known(Term) :-
    functor(Term, Name, Arity),
    functor(Head, Name, Arity),
    import_chain(tea_block, Module),
    defined_in(Module, Head),
    !.
known(Term) :-
    functor(Term, Name, Arity),
    '$find_library'(tea_block, Name, Arity, Library, _),
    \+ memberchk(Library, [backward_compatibility, edinburgh, quintus, record, settings]).

import_chain(Module, Module).
import_chain(Module, Found) :-
    import_module(Module, Next),
    import_chain(Next, Found).

%   declared(+Directive): it says something about predicates or syntax of the block.

declared(Directive) :-
    nonvar(Directive),
    declaration(Directive).

declaration(dynamic(_)).
declaration(discontiguous(_)).
declaration(multifile(_)).
declaration(public(_)).
declaration(table(_)).
declaration(meta_predicate(_)).
declaration(non_terminal(_)).
declaration(op(_, _, _)).
declaration(style_check(_)).
declaration(use_module(_)).
declaration(use_module(_, _)).
declaration(ensure_loaded(_)).
declaration(include(_)).
declaration(load_files(_, _)).
declaration(consult(_)).
declaration(autoload(_)).
declaration(autoload(_, _)).
declaration(set_prolog_flag(_, _)).

permit_declaration(Directive) :-
    (   sandboxed
    ->  permit_directive(Directive)
    ;   true
    ).
